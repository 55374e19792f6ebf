"""`duly lsp`: the language services over the Language Server Protocol.

folders    which files belong together, open buffers over what is on disk, and what is wrong with them
protocol   between our places and values and those of the protocol
server     the features, and diagnostics as one types
"""
