# SPDX-License-Identifier: MIT
# What a line of the tree's text may not hold, and how a source begins.

FNR == 1 {
    finish_file()
    name = FILENAME
    code = name ~ /\.(c|h|def)$/
    product = name !~ /^tests\//
    rules = name ~ /^tests\/style\//
    once = 0
    if (code && $0 != "// SPDX-License-Identifier: MIT") breach("a source begins with // SPDX-License-Identifier: MIT")
}
FNR == 2 && code && !/^\/\/ [^ ]/ { breach("the second line of a source says what the file is for") }
/^#pragma once$/ { once = 1 }

# clang-format wraps code at this width, and leaves comments as they are.
code && length($0) > 110 { breach("a line of " length($0) " columns, over 110") }
/\r/ { breach("carriage return") }
/\t/ { breach("tab") }
/[ \r]$/ { breach("blanks at the end of the line") }
!rules && /(^|[^A-Za-z])(TODO|FIXME|XXX)([^A-Za-z]|$)/ { breach("unfinished work belongs in an issue") }
code && /^[ \t]*#[ \t]*if[ \t]+0([^0-9A-Za-z]|$)/ { breach("dead code: #if 0") }
product && /(^|[^A-Za-z0-9_.*}])\/(work|tmp|root|home)\// { breach("a path of somebody's machine") }
!product && code && /(^|[^A-Za-z0-9_])(gt|ge)\((int|dbl|flt|sz|u?i(8|16|32|64))/ {
    breach("Criterion 2.4.1's gt() and ge() pass wrongly; write cr_assert(a > b, ...)")
}
code {
    rest = $0
    gsub(/'\\?"'/, "", rest)
    gsub(/"([^"\\]|\\.)*"/, "", rest)
    sub(/\/\/.*/, "", rest)
    if (rest ~ /\/\*/) breach("comments are written with //")
}

function finish_file() {
    if (name ~ /\.h$/ && !once) { print name ":1: a header says #pragma once"; bad = 1 }
}
function breach(rule) { print FILENAME ":" FNR ": " rule; bad = 1 }
END { finish_file(); exit bad }
