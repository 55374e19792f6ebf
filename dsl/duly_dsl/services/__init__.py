"""What an editor asks of rule files: names and where they are used, what can come next, what a word means, outlines and
mends. Pure, and in terms of files, lines and columns (as in duly_dsl.source), so that the language server and the editor in
the browser give the same answers.
"""
