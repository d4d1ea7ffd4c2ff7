local hash = require "downpour.hash"
same("md5", hash.md5(""))("d41d8cd98f00b204e9800998ecf8427e")
same("sha1", hash.sha1("abc"))("a9993e364706816aba3e25717850c26c9cd0d89d")
same("sha256", hash.sha256("abc"))("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
same("sha512", hash.sha512("abc"):sub(1, 16))("ddaf35a193617aba")
same("crc32", hash.crc32("123456789"), hash.crc32(""))("cbf43926", "00000000")
misuse("no string", hash.md5)("string expected")
