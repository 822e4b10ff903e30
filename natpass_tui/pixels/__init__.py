"""Pictures as terminal cells, without a terminal: scaling, half-blocks, and which remote pixel a cell stands for.

A cell shows two pixels, one above the other: an upper half block in the upper pixel's colour, on the lower pixel's
colour. So a view of `rows, cols` cells has `cols` x `2 * rows` pixels, which are about square.

Pure: numpy arrays in, values out. Pictures are arrays of shape (height, width, 3), uint8, red green blue.
"""
