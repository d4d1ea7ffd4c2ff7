package extract

import "testing"

func TestEncodeQuery(t *testing.T) {
	tests := []struct {
		name, ref, encoding, want string
	}{
		{"utf-8", "/a?q=\u2020", "utf-8", "/a?q=\u2020"},
		{"utf-16", "/a?q=\u2020", "utf-16le", "/a?q=\u2020"},
		{"replacement", "/a?q=\u2020", "replacement", "/a?q=\u2020"},
		{"no encoding", "/a?q=\u2020", "", "/a?q=\u2020"},
		{"no such encoding", "/a?q=\u2020", "klingon", "/a?q=\u2020"},
		{"no query", "/\u2020#?\u2020", "windows-1252", "/\u2020#?\u2020"},
		{"query alone", "/\u2020?\u2020 b?#\u2020", "windows-1252", "/\u2020?%86 b?#\u2020"},
		{"ascii", "/a?q=<'>%20", "windows-1252", "/a?q=<'>%20"},
		{"not in it", "?\u0434=\u2020", "windows-1252", "?%26%231076%3B=%86"},
		{"koi8-r", "?q=\u0434\u043e\u043c", "koi8-r", "?q=%C4%CF%CD"},
		{"windows-1251 has control characters", "?\u0098", "windows-1251", "?%98"},
		{"shift_jis, ascii in the second octet", "?\u2212\u00a5\u203e\u3042", "shift_jis", "?%81|\\~%82%A0"},
		{"another label", "?\u203e", "Windows-31J", "?~"},
		{"euc-jp without jis x 0212", "?\u2212\u3042\u4e02", "euc-jp", "?%A1%DD%A4%A2%26%2319970%3B"},
		{"euc-kr", "?\u2020", "euc-kr", "?%A2%D3"},
		{"big5", "?\u4e2d\u43f0\u2020", "big5", "?%A4%A4%26%2317392%3B%26%238224%3B"},
		{"gbk", "?\u20ac\u4e2d\U0001f4a9", "gbk", "?%80%D6%D0%26%23128169%3B"},
		{"gb18030", "?\u20ac\U0001f4a9\ue5e5", "gb18030", "?%A2%E3%949%DA3%26%2358853%3B"},
		{"gb18030, user-defined", "?\ue000\ue233\ue234\ue4c5\ue4c6\ue505\ue765\ue766\ue865", "gb18030", "?%AA%A1%AF%FE%F8%A1%FE%FE%A1@%A1%80%A7%A0%26%2359238%3B%836%D00"},
		{"gbk, user-defined", "?\ue5e0", "gbk", "?%A3%9B"},
		{"x-user-defined", "?\uf7ff\u00e9", "x-user-defined", "?%FF%26%23233%3B"},
		{"iso-2022-jp", "?a=\u3042#", "iso-2022-jp", "?a=%1B$B$%22%1B(B#"},
		{"iso-2022-jp, roman", "?\u203e\\", "iso-2022-jp", "?%1B(J~%1B(B\\"},
		{"iso-2022-jp, katakana", "?\uff71\uff9e", "iso-2022-jp", "?%1B$B%%22!+%1B(B"},
		{"iso-2022-jp, not in it", "?\u3042\u0434\u20acb", "iso-2022-jp", "?%1B$B$%22%27U%1B(B%26%238364%3Bb"},
		{"iso-2022-jp, control character", "?\x0eA", "iso-2022-jp", "?%26%2365533%3BA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := EncodeQuery(tt.ref, tt.encoding); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
