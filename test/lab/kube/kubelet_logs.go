package main

// kubectl logs: tail, since, limit, timestamps, follow, previous.

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func (k *kubelet) logs(w http.ResponseWriter, r *http.Request) {
	file, err := k.openLog(r)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	defer file.Close()
	p := newPrinter(w, r)
	all, _ := io.ReadAll(file)
	lines := bytes.SplitAfter(all, []byte("\n"))
	if len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil && n < len(lines) {
		lines = lines[len(lines)-n:]
	}
	w.Header().Set("Content-Type", "text/plain")
	for _, l := range lines {
		if !p.put(l) {
			return
		}
	}
	fl := w.(http.Flusher)
	fl.Flush()
	if r.URL.Query().Get("follow") != "true" {
		return
	}
	rd := bufio.NewReader(file)
	var part []byte
	for r.Context().Err() == nil {
		l, err := rd.ReadBytes('\n')
		part = append(part, l...)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if !p.put(part) {
			return
		}
		part = nil
		fl.Flush()
	}
}

func (k *kubelet) openLog(r *http.Request) (*os.File, error) {
	dir, name, err := k.box(r.PathValue("ns"), r.PathValue("pod"))
	if err != nil {
		return nil, err
	}
	f := dir + "/log"
	if name != "" {
		f = logFile(name)
	}
	if r.URL.Query().Get("previous") == "true" {
		if f = dir + "/log.previous"; name != "" {
			f = logFile(name + ".previous")
		}
	}
	file, err := os.Open(f)
	if err != nil {
		return nil, fmt.Errorf("previous terminated container %q in pod %q not found", r.PathValue("c"), r.PathValue("pod"))
	}
	return file, nil
}

type printer struct {
	w          io.Writer
	from       time.Time
	limit      int // bytes left; -1: no limit
	timestamps bool
}

func newPrinter(w io.Writer, r *http.Request) *printer {
	q := r.URL.Query()
	p := &printer{w: w, limit: -1, timestamps: q.Get("timestamps") == "true"}
	if n, err := strconv.Atoi(q.Get("sinceSeconds")); err == nil {
		p.from = time.Now().Add(-time.Duration(n) * time.Second)
	} else if t, err := time.Parse(time.RFC3339, q.Get("sinceTime")); err == nil {
		p.from = t
	}
	if n, err := strconv.Atoi(q.Get("limitBytes")); err == nil {
		p.limit = n
	}
	return p
}

// put: one line; false when nothing more is wanted
func (p *printer) put(line []byte) bool {
	ts, text, ok := bytes.Cut(line, []byte(" "))
	if t, err := time.Parse(time.RFC3339Nano, string(ts)); !ok || err != nil {
		text = line
	} else if t.Before(p.from) {
		return true
	} else if p.timestamps {
		text = line
	}
	if p.limit >= 0 && len(text) > p.limit {
		text = text[:p.limit]
	}
	if p.limit >= 0 {
		p.limit -= len(text)
	}
	_, err := p.w.Write(text)
	return err == nil && p.limit != 0
}
