// Package peers holds tests that try Downpour against programs of others on
// loopback: nginx, squid, tinyproxy, microsocks, go-httpbin and toxiproxy.
//
// It is a module of its own, so that what these programs need stays out of the
// command's dependencies. test.sh and CI run it; by hand it is
//
//	cd internal/peers && go test ./...
//
// The tests start the programs on free ports, with configurations they write
// into temporary folders, and end them. Those that are not installed skip their
// tests and say which Debian package has them.
package peers
