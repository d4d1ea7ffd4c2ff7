local text = require "downpour.text"
same("trim", text.trim("\n a b\194\160 "), text.trim(""))("a b", "")
same("squeeze", text.squeeze("  a \n\t b  "))("a b")
same("entities", text.entities("a &amp; b &eacute; &#x41;"), text.escape("<a & 'b'>"))("a & b é A", "&lt;a &amp; &#39;b&#39;&gt;")
same("decode header", text.decode("caf\233", {content_type = "text/html; charset=iso-8859-1"}))("café", "windows-1252")
same("decode meta", (text.decode('<meta charset="windows-1251">\207')))('<meta charset="windows-1251">П')
same("decode mark", text.decode("\255\254a\0", {kind = "text"}))("a", "utf-16le")
same("case", text.lower("ÄÖ"), text.upper("äö"), text.len("äö"), text.cut("äöü", 2), text.cut("a", 5), text.cut("a", 0))("äö", "ÄÖ", 2, "äö", "a", "")
misuse("kind", text.decode, "x", {kind = "pdf"})("kind is")
