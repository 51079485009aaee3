# SPDX-License-Identifier: MIT
# Who may include what. Rooms see only those below them; a kernel sees only the kernel contract; a library outside the
# project is known to one file; threads are started in one file.

BEGIN {
    rank["autograd"] = 1; rank["nn"] = 2; rank["models"] = 3; rank["apps"] = 4; rank["tests"] = 5
    # The headers of C, POSIX and glibc that any file may use; what is not here belongs to a library or a compiler.
    n = split("assert complex ctype dirent errno execinfo fcntl fenv fnmatch ftw getopt glob inttypes iso646 libgen " \
              "limits locale malloc math memory poll pthread sched setjmp signal spawn stdalign stdarg stdatomic " \
              "stdbool stddef stdint stdio stdlib stdnoreturn string strings sys termios tgmath threads time " \
              "unistd wchar wctype", names, " ")
    for (i = 1; i <= n; i++) standard[names[i]] = 1
}

FNR == 1 { room = FILENAME; sub(/\/.*/, "", room) }

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    target = part[2]; other = target; sub(/\/.*/, "", other)
    if (!(other in rank) || other == target)
        breach("\"" target "\" does not name its room; includes are written from the root")
    else if (rank[other] > rank[room])
        breach("\"" target "\" points up: " room " may not know " other)
    else if (FILENAME ~ /^autograd\/kernels\// && target !~ /^autograd\/(kernels\/.*|kernel\.h|tensor\.h|shape\.h|export\.h)$/)
        breach("\"" target "\": a kernel includes kernel.h, tensor.h, shape.h, export.h and its own folder only")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, part, /[<>]/)
    header = part[2]; library = header; sub(/[^A-Za-z0-9_].*/, "", library)
    if (library in standard || room == "tests") next
    if (library == "criterion") breach("<" header ">: only tests include Criterion")
    else if (library in user && user[library] != FILENAME)
        breach("<" header ">: this library is already included by " user[library] "; it is known to one file only")
    else user[library] = FILENAME
}

/^[ \t]*#[ \t]*pragma[ \t]+omp[ \t]/ && !/omp[ \t]+(simd|declare)/ && room != "tests" && FILENAME != "autograd/threads.c" {
    breach("threads are started in autograd/threads.c only")
}

function breach(rule) { print FILENAME ":" FNR ": " rule; bad = 1 }
END { exit bad }
