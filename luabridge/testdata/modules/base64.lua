local base64 = require "downpour.base64"
same("encode", base64.encode("\0\255\254x"), base64.encode(""), base64.encode("\255\254", {url = true}))("AP/+eA==", "", "__4")
same("decode", base64.decode("AP/+eA=="), base64.decode("AP_-eA"), base64.decode("TW\n Fu"))("\0\255\254x", "\0\255\254x", "Man")
fails("no base64", base64.decode("*"))("not base64")
