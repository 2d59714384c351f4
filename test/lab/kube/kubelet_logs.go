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
	dir, name, err := k.box(r.PathValue("ns"), r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), 404)
		return
	}
	q := r.URL.Query()
	f := dir + "/log"
	if name != "" {
		f = logFile(name)
	}
	if q.Get("previous") == "true" {
		if f = dir + "/log.previous"; name != "" {
			f = logFile(name + ".previous")
		}
	}
	file, err := os.Open(f)
	if err != nil {
		http.Error(w, fmt.Sprintf("previous terminated container %q in pod %q not found", r.PathValue("c"), r.PathValue("pod")), 400)
		return
	}
	defer file.Close()
	var from time.Time
	if n, err := strconv.Atoi(q.Get("sinceSeconds")); err == nil {
		from = time.Now().Add(-time.Duration(n) * time.Second)
	} else if t, err := time.Parse(time.RFC3339, q.Get("sinceTime")); err == nil {
		from = t
	}
	limit, err := strconv.Atoi(q.Get("limitBytes"))
	if err != nil {
		limit = -1
	}
	put := func(line []byte) bool {
		ts, text, ok := bytes.Cut(line, []byte(" "))
		if t, err := time.Parse(time.RFC3339Nano, string(ts)); !ok || err != nil {
			text = line
		} else if t.Before(from) {
			return true
		} else if q.Get("timestamps") == "true" {
			text = line
		}
		if limit >= 0 && len(text) > limit {
			text = text[:limit]
		}
		if limit >= 0 {
			limit -= len(text)
		}
		_, err := w.Write(text)
		return err == nil && limit != 0
	}
	all, _ := io.ReadAll(file)
	lines := bytes.SplitAfter(all, []byte("\n"))
	if len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	if n, err := strconv.Atoi(q.Get("tailLines")); err == nil && n < len(lines) {
		lines = lines[len(lines)-n:]
	}
	w.Header().Set("Content-Type", "text/plain")
	for _, l := range lines {
		if !put(l) {
			return
		}
	}
	fl := w.(http.Flusher)
	fl.Flush()
	if q.Get("follow") != "true" {
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
		if !put(part) {
			return
		}
		part = nil
		fl.Flush()
	}
}
