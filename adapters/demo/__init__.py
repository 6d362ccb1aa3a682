"""An invented legacy library to try reshelve on, with pictures worth looking at."""
