"""Pictures in a terminal, without a terminal: scaling, half-blocks, and which remote pixel a cell stands for.

A cell shows two pixels, one above the other: the upper half block in the upper one's colour on a background in the
lower one's. So a view of `rows, cols` cells has `cols` x `2 * rows` pixels, and those are about square.

Pure: numpy arrays in, values out. Pictures are arrays of shape (height, width, 3), uint8, red green blue.
"""
