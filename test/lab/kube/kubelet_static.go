package main

// Static pods: the command of each manifest runs as a process here.

import (
	"bufio"
	"context"
	"crypto/md5"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func (k *kubelet) manifests(dir string) {
	seen := map[string]bool{}
	fs, _ := filepath.Glob(dir + "/*")
	for _, f := range fs {
		b, err := os.ReadFile(f)
		if err != nil || strings.HasPrefix(filepath.Base(f), ".") {
			continue
		}
		h := fmt.Sprintf("%x", md5.Sum(b))
		seen[f] = true
		k.mu.Lock()
		old := k.pods[f]
		k.mu.Unlock()
		if old != nil && old.hash == h {
			continue
		}
		p := &v1.Pod{}
		if err := yaml.Unmarshal(b, p); err != nil || len(p.Spec.Containers) == 0 {
			continue // half written
		}
		if old != nil {
			k.end(f)
		}
		s := &static{hash: h, pod: p, done: make(chan struct{})}
		ctx, cancel := context.WithCancel(context.Background())
		s.cancel = cancel
		k.mu.Lock()
		k.pods[f] = s
		k.mu.Unlock()
		go s.run(ctx)
		say("static pod %s started, hash %s", p.Name, h)
	}
	for f := range k.pods {
		if !seen[f] {
			k.end(f)
		}
	}
}

func (k *kubelet) end(f string) {
	k.mu.Lock()
	s := k.pods[f]
	delete(k.pods, f)
	k.mu.Unlock()
	s.cancel()
	<-s.done
	say("static pod %s stopped", s.pod.Name)
}

func exists(f string) bool { _, err := os.Stat(f); return err == nil }

func logFile(name string) string { return kubeletDir + "/podlogs/" + name + ".log" }

func stamp(w *os.File, r io.Reader) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		fmt.Fprintf(w, "%s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z"), sc.Text())
	}
}

// command: what the manifest says. The image's tag chooses the program's version: KUBELAB_VERSIONS/TAG/PROGRAM, else the one on PATH
func command(p *v1.Pod) *exec.Cmd {
	c := p.Spec.Containers[0]
	a := append(append([]string{}, c.Command...), c.Args...)
	a = append(a, strings.Fields(os.Getenv("KUBELAB_ARGS_"+strings.ReplaceAll(p.Name, "-", "_")))...)
	bin := a[0]
	if f := filepath.Join(os.Getenv("KUBELAB_VERSIONS"), c.Image[strings.LastIndex(c.Image, ":")+1:], a[0]); os.Getenv("KUBELAB_VERSIONS") != "" && exists(f) {
		bin = f
	}
	cmd := exec.Command(bin, a[1:]...)
	cmd.Args[0] = a[0]
	cmd.Env = os.Environ()
	for _, e := range c.Env {
		cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (s *static) run(ctx context.Context) {
	defer close(s.done)
	runtime.LockOSThread() // Pdeathsig belongs to the thread that starts the child
	os.MkdirAll(kubeletDir+"/podlogs", 0o755)
	for ctx.Err() == nil {
		os.Rename(logFile(s.pod.Name), logFile(s.pod.Name+".previous"))
		lf, err := os.Create(logFile(s.pod.Name))
		must(err)
		cmd := command(s.pod)
		r, w, _ := os.Pipe()
		cmd.Stdout, cmd.Stderr = w, w
		exited := make(chan struct{})
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(lf, err)
			close(exited)
		} else {
			go func() { cmd.Wait(); close(exited) }()
		}
		w.Close()
		go stamp(lf, r)
		s.mu.Lock()
		s.running, s.since = true, time.Now()
		s.mu.Unlock()
		select {
		case <-exited:
			say("static pod %s exited: %v", s.pod.Name, cmd.ProcessState)
		case <-ctx.Done():
			cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-exited:
			case <-time.After(5 * time.Second):
				cmd.Process.Kill()
				<-exited
			}
		}
		s.mu.Lock()
		s.running, s.ready = false, false
		s.restarts++
		s.mu.Unlock()
		r.Close()
		lf.Close()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second): // back-off
		}
	}
}

var probeClient = &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func probe(p *v1.Pod) bool {
	c := p.Spec.Containers[0]
	for _, pr := range []*v1.Probe{c.ReadinessProbe, c.StartupProbe, c.LivenessProbe} {
		if pr == nil || pr.HTTPGet == nil {
			continue
		}
		g := pr.HTTPGet
		port := g.Port.IntValue()
		for _, cp := range c.Ports {
			if cp.Name == g.Port.StrVal && cp.Name != "" {
				port = int(cp.ContainerPort)
			}
		}
		r, err := probeClient.Get(strings.ToLower(string(g.Scheme)) + "://" + net.JoinHostPort(g.Host, strconv.Itoa(port)) + g.Path)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode < 400
	}
	return true
}
