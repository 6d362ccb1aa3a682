"""What model files say of themselves: headers of safetensors and GGUF, read as untrusted data.

Nothing of a pickle (.ckpt, .pt, .pth, .bin) is ever read: its header is a program.
"""
