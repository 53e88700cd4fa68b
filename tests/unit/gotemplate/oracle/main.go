// Renders the templates of cases.json by Go's own text/template with sprig, as Stash does, and writes what
// came of each back into the file. After adding {"template": "..."}, in a directory with sprig in its GOPATH:
//
//	GO111MODULE=off go run main.go cases.json
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"text/template"

	"github.com/Masterminds/sprig"
)

// Summary is what Stash's templates see.
type Summary struct {
	Name      string    `json:"name,omitempty"`
	Namespace string    `json:"namespace,omitempty"`
	Invoker   Invoker   `json:"invoker,omitempty"`
	Target    TargetRef `json:"target,omitempty"`
	Status    Status    `json:"status,omitempty"`
	RetryLeft int32     `json:"retryLeft,omitempty"`
}

// Invoker is Kubernetes' TypedLocalObjectReference, but that the group is a pointer there.
type Invoker struct {
	APIGroup string `json:"apiGroup"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
}

// TargetRef is Stash's.
type TargetRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Name       string `json:"name,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
}

// Status is Stash's TargetStatus.
type Status struct {
	Phase    string `json:"phase,omitempty"`
	Duration string `json:"duration,omitempty"`
	Error    string `json:"error,omitempty"`
}

type oneCase struct {
	Template string `json:"template"`
	Output   string `json:"output"`
	Fails    bool   `json:"fails,omitempty"`
}

func main() {
	file := struct {
		By    string          `json:"by"`
		Data  json.RawMessage `json:"data"`
		Cases []*oneCase      `json:"cases"`
	}{}
	content, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(content, &file)
	}
	var data Summary
	if err == nil {
		err = json.Unmarshal(file.Data, &data)
	}
	if err != nil {
		panic(err)
	}
	file.By = runtime.Version()
	for _, one := range file.Cases {
		one.Output, one.Fails = render(one.Template, &data)
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(file); err != nil {
		panic(err)
	}
	if err := os.WriteFile(os.Args[1], written.Bytes(), 0o644); err != nil {
		panic(err)
	}
}

func render(text string, data *Summary) (output string, fails bool) {
	// Some of sprig's functions panic where they can't do with what they are given.
	defer func() {
		if recover() != nil {
			output, fails = "", true
		}
	}()
	parsed, err := template.New("hook-template").Funcs(sprig.TxtFuncMap()).Option("missingkey=default").Parse(text)
	if err != nil {
		return "", true
	}
	var buffer bytes.Buffer
	if err := parsed.Execute(&buffer, data); err != nil {
		return "", true
	}
	return buffer.String(), false
}
