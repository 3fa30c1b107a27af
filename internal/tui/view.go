package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gatemend/gatemend/internal/rates"
)

// page is which part of the screen is in front.
type page uint8

const (
	listPage     page = iota
	readingPage       // a diagnosis
	questionPage      // a plan, to be answered
	helpPage
)

// keptEvents is how many of the last events are kept.
const keptEvents = 50

// explained is a diagnosis that is ready.
type explained struct{ route, text string }

// view is the screen's state.
type view struct {
	options       Options
	width, height int
	frame         Frame
	events        []Event

	page      page
	chosen    string // the route under the cursor
	filter    string
	filtering bool // the filter is being typed

	reading   string   // whose diagnosis is shown
	text      []string // before it is wrapped
	top       int      // its first line on the screen
	questions []Question
}

func newView(o Options) view { return view{options: o, width: 80, height: 24} }

// Init implements tea.Model.
func (v view) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (v view) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		v.width, v.height = msg.Width, msg.Height
	case Frame:
		v.frame = msg
	case Event:
		v.events = append(v.events, msg)
		v.events = v.events[max(0, len(v.events)-keptEvents):]
	case explained:
		if v.page == readingPage && v.reading == msg.route {
			v.text, v.top = lines(msg.text), 0
		}
	case Question:
		v.questions = append(v.questions, msg)
		if len(v.questions) == 1 {
			v = v.ask()
		}
	case tea.KeyPressMsg:
		return v.key(msg)
	}
	return v, nil
}

// key is what a key does on the page that is in front.
func (v view) key(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	name := msg.String()
	if name == "ctrl+c" {
		return v, tea.Quit
	}
	switch {
	case v.filtering:
		return v.typed(msg), nil
	case v.page == questionPage:
		return v.answer(name), nil
	case v.page == listPage:
		return v.list(name)
	case name == "q" || name == "esc" || name == "enter" || name == "?":
		v.page = listPage
		return v, nil
	}
	return v.scroll(name), nil
}

// list is a key on the list of routes.
func (v view) list(name string) (tea.Model, tea.Cmd) {
	switch name {
	case "q":
		return v, tea.Quit
	case "?":
		v.page, v.top = helpPage, 0
		v.text = lines(help)
	case "/":
		v.filtering = true
	case "esc":
		v.filter = ""
	case "enter":
		return v.explain()
	case "up", "k":
		v = v.move(-1)
	case "down", "j":
		v = v.move(1)
	case "pgup":
		v = v.move(-v.room())
	case "pgdown":
		v = v.move(v.room())
	case "home", "g":
		v = v.move(-len(v.frame.Routes))
	case "end", "G":
		v = v.move(len(v.frame.Routes))
	}
	return v, nil
}

// typed is a key while the filter is typed.
func (v view) typed(msg tea.KeyPressMsg) view {
	switch msg.String() {
	case "enter":
		v.filtering = false
	case "esc":
		v.filtering, v.filter = false, ""
	case "backspace":
		if r := []rune(v.filter); len(r) > 0 {
			v.filter = string(r[:len(r)-1])
		}
	default:
		v.filter += msg.Text
	}
	return v
}

// answer is a key on a question. Only y is a yes.
func (v view) answer(name string) view {
	if name != "y" && name != "n" && name != "esc" && name != "q" {
		return v.scroll(name)
	}
	v.questions[0].answer <- name == "y" // has room for one
	v.questions = v.questions[1:]
	v.page = listPage
	if len(v.questions) > 0 {
		v = v.ask()
	}
	return v
}

// ask brings the oldest question to the front.
func (v view) ask() view {
	v.page, v.text, v.top, v.filtering = questionPage, lines(v.questions[0].Text), 0, false
	return v
}

// explain begins the diagnosis of the route under the cursor.
func (v view) explain() (tea.Model, tea.Cmd) {
	routes := v.routes()
	if len(routes) == 0 {
		return v, nil
	}
	route := routes[v.at(routes)]
	v.page, v.reading, v.text, v.top = readingPage, route.Key, []string{"Looking ..."}, 0
	diagnose, width := v.options.Diagnose, v.width
	return v, func() tea.Msg { return explained{route.Key, diagnose(route, width)} }
}

// scroll moves a text that is longer than the screen.
func (v view) scroll(name string) view {
	all := len(wrapped(v.text, v.width))
	step := map[string]int{
		"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -v.height / 2, "pgdown": v.height / 2, "space": v.height / 2,
		"home": -all, "g": -all, "end": all, "G": all,
	}[name]
	v.top = max(0, min(v.top+step, all-v.textRoom()))
	return v
}

// routes are those that the filter lets through.
func (v view) routes() []rates.Route {
	if v.filter == "" {
		return v.frame.Routes
	}
	return slices.DeleteFunc(slices.Clone(v.frame.Routes), func(r rates.Route) bool {
		text := strings.ToLower(r.Key + " " + r.Object.Namespace + "/" + r.Object.Name)
		return !strings.Contains(text, strings.ToLower(v.filter))
	})
}

// at is the place of the cursor: on the route that was chosen, wherever it has moved to, else on the first.
func (v view) at(routes []rates.Route) int {
	return max(0, slices.IndexFunc(routes, func(r rates.Route) bool { return r.Key == v.chosen }))
}

func (v view) move(by int) view {
	routes := v.routes()
	if len(routes) > 0 {
		v.chosen = routes[max(0, min(v.at(routes)+by, len(routes)-1))].Key
	}
	return v
}

func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
