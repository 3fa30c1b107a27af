package typed

// Head reads what an object says that it is, and no further than it must.
func Head(data []byte) (apiVersion, kind string) {
	t := text{data: data}
	t.members(func(key string) bool {
		t.next()
		raw, _, ok := t.value()
		if ok && len(raw) > 1 && raw[0] == '"' {
			switch key {
			case "apiVersion":
				apiVersion = string(raw[1 : len(raw)-1])
			case "kind":
				kind = string(raw[1 : len(raw)-1])
			}
		}
		return ok && (apiVersion == "" || kind == "")
	})
	return apiVersion, kind
}

// Items yields the items of a list, each with the place at which it begins; none if it is no list.
func Items(data []byte) func(yield func(at int, item []byte) bool) {
	return func(yield func(int, []byte) bool) {
		t := text{data: data}
		t.members(func(key string) bool {
			if key != "items" || !t.take('[') {
				_, _, ok := t.value()
				return ok
			}
			for t.next() != ']' {
				at := t.at
				item, _, ok := t.value()
				if !ok || !yield(at, item) {
					return false
				}
				t.take(',')
			}
			return t.take(']')
		})
	}
}

// members consumes an object as far as each says, which is called where the value of a key is next.
func (t *text) members(each func(key string) bool) {
	for ok := t.take('{'); ok; ok = t.take(',') {
		key, _, isKey := t.quoted()
		if !isKey || !t.take(':') || !each(string(key)) {
			return
		}
	}
}
