# SPDX-License-Identifier: MIT
# A file has at most 500 lines, a function at most 70, from its signature to its closing brace. The layout that
# clang-format gives makes both easy to read off: outside of functions only a function's own brace follows a
# parenthesis, and only the end of something begins with a brace in column 0. Tables and types may be longer.

FNR == 1 { finish_file(); name = FILENAME; inside = 0 }
{ lines = FNR }

!inside && /^[A-Za-z_]/ { first = FNR; signature = $0 }
!inside && /\) {[ ]*(\/\/.*)?$/ { inside = 1 }
inside && /^}/ {
    if (FNR - first + 1 > 70) breach(first, "a function of " (FNR - first + 1) " lines, over 70: " signature)
    inside = 0
}

function finish_file() { if (lines > 500) breach(501, "a file of " lines " lines, over 500"); lines = 0 }
function breach(line, rule) { print name ":" line ": " rule; bad = 1 }
END { finish_file(); exit bad }
