//go:build race

package luabridge

const raceEnabled = true
