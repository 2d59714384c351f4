package main

// A stand-in kubelet. What it does for real: TLS bootstrap by CSR, node registration, lease and status under the node's own
// certificate, static pods (the command of each manifest runs as a process here), their mirror pods with readiness by probe,
// logs and exec (stdin, separate stderr, exit code) on :10250. Other pods of its node are only played: Running at once, gone on deletion.
//   kubelet [--version]                       on a host (own network and mount namespace)
//   kubelet --serve ADDR --kubeconfig F       only logs and exec, for all nodes (their kubeletEndpoint port must be ADDR's)
// LAB_BOX=DIR: a pod with annotation kubelab/box: NAME gets DIR/NAME/bin first on PATH for exec, DIR/NAME/log as its log.

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
	"sigs.k8s.io/yaml"
)

const (
	kubeletDir = "/var/lib/kubelet"
	etcKube    = "/etc/kubernetes"
)

type static struct {
	mu       sync.Mutex
	hash     string
	pod      *v1.Pod
	cancel   context.CancelFunc
	done     chan struct{}
	since    time.Time
	running  bool
	restarts int32
	ready    bool
}

type kubelet struct {
	host, ip string
	cs       *kubernetes.Clientset
	node     *v1.Node
	mu       sync.Mutex
	pods     map[string]*static // by manifest file
}

func say(f string, a ...any) {
	fmt.Fprintf(os.Stderr, "%s "+f+"\n", append([]any{time.Now().Format("15:04:05.000")}, a...)...)
}
func must(err error) {
	if err != nil {
		say("fatal: %v", err)
		os.Exit(1)
	}
}
func flagValue(s, name string) string {
	if m := regexp.MustCompile(`--` + name + `[= ]([^\s"]+)`).FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

func kubeletMain() {
	args := strings.Join(os.Args[1:], " ")
	if strings.Contains(args, "--version") {
		fmt.Println("Kubernetes " + version.Get().GitVersion)
		return
	}
	k := &kubelet{pods: map[string]*static{}}
	if addr := flagValue(args, "serve"); addr != "" {
		cfg, err := clientcmd.BuildConfigFromFlags("", flagValue(args, "kubeconfig"))
		must(err)
		k.cs = kubernetes.NewForConfigOrDie(cfg)
		must(k.serve(addr, ""))
	}
	env, _ := os.ReadFile(kubeletDir + "/kubeadm-flags.env")
	args += " " + string(env)
	k.host, _ = os.Hostname()
	if h := flagValue(args, "hostname-override"); h != "" {
		k.host = h
	}
	if k.ip = flagValue(args, "node-ip"); k.ip == "" {
		k.ip = firstAddress()
	}
	k.work()
}

func firstAddress() string {
	as, _ := net.InterfaceAddrs()
	for _, a := range as {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// work: static pods until a signal comes
func (k *kubelet) work() {
	conf := struct {
		HealthzBindAddress string `json:"healthzBindAddress"`
		HealthzPort        int    `json:"healthzPort"`
		StaticPodPath      string `json:"staticPodPath"`
	}{"127.0.0.1", 10248, etcKube + "/manifests"}
	if b, err := os.ReadFile(kubeletDir + "/config.yaml"); err == nil {
		must(yaml.Unmarshal(b, &conf))
	}
	go http.ListenAndServe(net.JoinHostPort(conf.HealthzBindAddress, strconv.Itoa(conf.HealthzPort)), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) }))
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT)
	go func() { must(k.serve(net.JoinHostPort("::", "10250"), etcKube+"/pki/ca.crt")) }()
	go k.api()
	t := time.NewTicker(200 * time.Millisecond)
	for {
		select {
		case <-sig: // unlike a real one it takes its pods along: nothing is left behind
			for f := range k.pods {
				k.end(f)
			}
			os.Exit(0)
		case <-t.C:
			k.manifests(conf.StaticPodPath)
		}
	}
}
