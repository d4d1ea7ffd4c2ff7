local file = require "downpour.file"
same("read", file.read("b.csv"), file.read("data/a.txt"))("x,y\n1,2\n", "one\ntwo\r\n\nlast")
local lines = {} for l in file.lines("data/a.txt") do lines[#lines + 1] = l end
same("lines", lines)({"one", "two", "", "last"})
fails("no file", file.read("none.txt"))("none.txt: no such file")
fails("folder", file.read("data"))("no regular file")
fails("outside", file.read("../x"))("no path inside")
fails("lines outside", file.lines("/etc/passwd"))("no path inside")
fails("write outside", file.write("../x", "y"))("no path inside")
