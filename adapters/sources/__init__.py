"""Other managers' libraries: what their files, their folders and their databases tell of models.

Nothing here is believed, fetched, run or opened because data names it: bytes go in, validated
records and notices come out, and damage costs what was damaged alone.
"""
