//go:build !race

package luabridge

const raceEnabled = false
