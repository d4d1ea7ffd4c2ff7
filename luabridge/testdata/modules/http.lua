local http = require "downpour.http"
misuse("at the top level", http.get, "http://a.test/")("in hooks only")
misuse("unknown option", http.get, "http://a.test/", {timout = 1})("did you mean 'timeout'")
