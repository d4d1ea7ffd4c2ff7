local time = require "downpour.time"
for s, want in pairs{
  ["1970-01-01"] = 0, ["1970-01-01T00:00:10Z"] = 10, ["2020-01-02T03:04:05+02:00"] = 1577927045, ["2020-01-02 03:04:05"] = 1577934245,
  ["Thu, 02 Jan 2020 03:04:05 GMT"] = 1577934245, ["Thu, 2 Jan 2020 03:04:05 +0100"] = 1577930645, ["2 January 2020"] = 1577923200,
  ["Jan 2, 2020"] = 1577923200, ["2020-01-02T03:04:05.5Z"] = 1577934245.5, ["Thu, 02 Jan 2020 03:04:05 EST"] = 1577952245, ["2020"] = 1577836800,
  [" 2020-01-02T03:04Z "] = 1577934240,
} do same(s, time.parse(s))(want) end
fails("no date", time.parse("soon"))("not a date")
same("http", time.http("Sun, 06 Nov 1994 08:49:37 GMT"), time.http("Sunday, 06-Nov-94 08:49:37 GMT"), time.http("Sun Nov  6 08:49:37 1994"))(784111777, 784111777, 784111777)
fails("no http date", time.http("x"))("not an HTTP date")
same("format", time.format(0), time.format(784111777, "http"), time.format(86400, "date"))("1970-01-01T00:00:00Z", "Sun, 06 Nov 1994 08:49:37 GMT", "1970-01-02")
same("now", time.now() > 1.6e9)(true)
misuse("layout", time.format, 0, "x")("layouts are")
