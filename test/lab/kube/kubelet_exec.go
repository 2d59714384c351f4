package main

// exec into a pod: a process here, with separate stderr, stdin that ends, and the exit code.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

func (k *kubelet) serve(addr, clientCA string) error {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubelet"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, _ := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	tc := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"http/1.1"}}
	if clientCA != "" {
		tc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			b, err := os.ReadFile(clientCA)
			if err != nil {
				return nil, err
			}
			c := tc.Clone()
			c.GetConfigForClient, c.ClientCAs, c.ClientAuth = nil, x509.NewCertPool(), tls.RequireAndVerifyClientCert
			c.ClientCAs.AppendCertsFromPEM(b)
			return c, nil
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) })
	ex := func(w http.ResponseWriter, r *http.Request) {
		o, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		remotecommand.ServeExec(w, r, k, r.PathValue("ns")+"/"+r.PathValue("pod"), "", r.PathValue("c"), r.URL.Query()["command"], o, 4*time.Hour, 30*time.Second, remotecommand.SupportedStreamingProtocols)
	}
	mux.HandleFunc("/exec/{ns}/{pod}/{c}", ex)
	mux.HandleFunc("/exec/{ns}/{pod}/{uid}/{c}", ex)
	mux.HandleFunc("/containerLogs/{ns}/{pod}/{c}", k.logs)
	s := &http.Server{Addr: addr, Handler: mux, TLSConfig: tc}
	return s.ListenAndServeTLS("", "")
}

// box: where a pod's commands and its log come from
func (k *kubelet) box(ns, pod string) (dir string, name string, err error) {
	k.mu.Lock()
	for _, s := range k.pods {
		if s.pod.Name+"-"+k.host == pod {
			name = s.pod.Name
		}
	}
	k.mu.Unlock()
	if name != "" {
		return "", name, nil
	}
	if k.cs == nil {
		return "", "", errors.New("no API yet")
	}
	p, err := k.cs.CoreV1().Pods(ns).Get(context.Background(), pod, metav1.GetOptions{})
	if err != nil {
		return "", "", err
	}
	b := p.Annotations["kubelab/box"]
	if b == "" || b != filepath.Base(b) || os.Getenv("LAB_BOX") == "" {
		return "", "", fmt.Errorf("pod %s/%s has no box", ns, pod)
	}
	return filepath.Join(os.Getenv("LAB_BOX"), b), "", nil
}

func (k *kubelet) ExecInContainer(ctx context.Context, name, uid, container string, cmd []string, in io.Reader, stdout, stderr io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, timeout time.Duration) error {
	ns, pod, _ := strings.Cut(name, "/")
	dir, _, err := k.box(ns, pod)
	if err != nil {
		return err
	}
	path := os.Getenv("PATH")
	if dir != "" {
		path = dir + "/bin:" + path
	}
	bin := cmd[0]
	if !strings.Contains(bin, "/") {
		for _, d := range filepath.SplitList(path) {
			if st, err := os.Stat(d + "/" + bin); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
				bin = d + "/" + bin
				break
			}
		}
	}
	c := exec.CommandContext(ctx, bin)
	c.Args = cmd
	c.Env = append(os.Environ(), "PATH="+path, "POD="+pod, "NAMESPACE="+ns, "CONTAINER="+container)
	if dir != "" {
		c.Dir = dir
	}
	if stdout != nil {
		c.Stdout = stdout
	}
	if stderr != nil {
		c.Stderr = stderr
	} else {
		c.Stderr = c.Stdout
	}
	if in != nil {
		p, err := c.StdinPipe()
		if err != nil {
			return err
		}
		go func() { io.Copy(p, in); p.Close() }()
	}
	err = c.Run()
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		code := ee.ExitCode()
		if code < 0 {
			code = 137
		}
		return utilexec.CodeExitError{Err: err, Code: code}
	}
	return err
}
