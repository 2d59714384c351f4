package main

// The node: certificate by CSR, registration, status and lease under the node's own identity.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"time"

	certv1 "k8s.io/api/certificates/v1"
	coordv1 "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	apierr "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/component-base/version"
)

func (k *kubelet) api() {
	for k.cs == nil {
		if err := k.connect(); err != nil {
			time.Sleep(200 * time.Millisecond)
		}
	}
	last := time.Time{}
	for {
		if time.Since(last) > 5*time.Second {
			if err := k.heartbeat(); err != nil {
				say("node: %v", err)
				time.Sleep(300 * time.Millisecond)
				continue
			}
			if last = time.Now(); k.node.Spec.PodCIDR == "" {
				last = last.Add(-4500 * time.Millisecond) // soon again: the pods wait for the range
			}
		}
		if err := k.syncPods(); err != nil {
			say("pods: %v", err)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// bootstrap: a client certificate by a CSR, as kubelets get theirs, and the kubeconfig that uses it
func (k *kubelet) bootstrap(ctx context.Context, boot, kc string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", boot)
	if err != nil {
		return err
	}
	raw, err := clientcmd.LoadFromFile(boot)
	if err != nil {
		return err
	}
	cs := kubernetes.NewForConfigOrDie(cfg)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:node:" + k.host, Organization: []string{"system:nodes"}}}, key)
	c, err := cs.CertificatesV1().CertificateSigningRequests().Create(ctx, &certv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "node-csr-" + k.host + "-"},
		Spec: certv1.CertificateSigningRequestSpec{Request: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), SignerName: certv1.KubeAPIServerClientKubeletSignerName,
			Usages: []certv1.KeyUsage{certv1.UsageDigitalSignature, certv1.UsageClientAuth}}}, metav1.CreateOptions{})
	if err != nil {
		say("csr: %v", err)
		return err
	}
	for len(c.Status.Certificate) == 0 {
		time.Sleep(100 * time.Millisecond)
		if n, err := cs.CertificatesV1().CertificateSigningRequests().Get(ctx, c.Name, metav1.GetOptions{}); err == nil {
			c = n
		}
	}
	kb, _ := x509.MarshalECPrivateKey(key)
	f := kubeletDir + "/pki/kubelet-client-current.pem"
	os.MkdirAll(filepath.Dir(f), 0o755)
	if err := os.WriteFile(f, append(c.Status.Certificate, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kb})...), 0o600); err != nil {
		return err
	}
	out := clientcmdapi.NewConfig()
	out.Clusters["default-cluster"] = raw.Clusters[raw.Contexts[raw.CurrentContext].Cluster]
	out.AuthInfos["default-auth"] = &clientcmdapi.AuthInfo{ClientCertificate: f, ClientKey: f}
	out.Contexts["default-context"] = &clientcmdapi.Context{Cluster: "default-cluster", AuthInfo: "default-auth", Namespace: "default"}
	out.CurrentContext = "default-context"
	if err := clientcmd.WriteToFile(*out, kc); err != nil {
		return err
	}
	say("bootstrapped as %s", c.Name)
	return nil
}

func (k *kubelet) connect() error {
	kc, boot := etcKube+"/kubelet.conf", etcKube+"/bootstrap-kubelet.conf"
	if _, err := os.Stat(kc); err != nil {
		if err := k.bootstrap(context.Background(), boot, kc); err != nil {
			return err
		}
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", kc)
	if err != nil {
		return err
	}
	cfg.QPS, cfg.Burst, cfg.Timeout = 200, 400, 10*time.Second
	k.cs, err = kubernetes.NewForConfig(cfg)
	return err
}

func (k *kubelet) heartbeat() error {
	ctx := context.Background()
	n, err := k.cs.CoreV1().Nodes().Get(ctx, k.host, metav1.GetOptions{})
	if apierr.IsNotFound(err) {
		n, err = k.cs.CoreV1().Nodes().Create(ctx, &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: k.host, Labels: map[string]string{"kubernetes.io/hostname": k.host, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}}, metav1.CreateOptions{})
		if err == nil {
			say("node %s registered", k.host)
		}
	}
	if err != nil {
		return err
	}
	k.node = n
	now := metav1.Now()
	rl := v1.ResourceList{"cpu": resource.MustParse("64"), "memory": resource.MustParse("256Gi"), "pods": resource.MustParse("250"), "ephemeral-storage": resource.MustParse("1Ti")}
	since := now
	for _, c := range n.Status.Conditions {
		if c.Type == v1.NodeReady && c.Status == v1.ConditionTrue {
			since = c.LastTransitionTime
		}
	}
	cond := func(t v1.NodeConditionType, s v1.ConditionStatus, reason string) v1.NodeCondition {
		return v1.NodeCondition{Type: t, Status: s, Reason: reason, LastHeartbeatTime: now, LastTransitionTime: since}
	}
	m := n.DeepCopy()
	m.Status.Capacity, m.Status.Allocatable = rl, rl
	m.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: k.ip}, {Type: v1.NodeHostName, Address: k.host}}
	m.Status.Conditions = []v1.NodeCondition{cond("MemoryPressure", "False", "KubeletHasSufficientMemory"), cond("DiskPressure", "False", "KubeletHasNoDiskPressure"), cond("PIDPressure", "False", "KubeletHasSufficientPID"), cond("Ready", "True", "KubeletReady")}
	m.Status.DaemonEndpoints.KubeletEndpoint.Port = 10250
	id, _ := os.ReadFile("/etc/machine-id")
	m.Status.NodeInfo = v1.NodeSystemInfo{MachineID: strings.TrimSpace(string(id)), KubeletVersion: version.Get().GitVersion, OSImage: "Debian GNU/Linux 12 (bookworm)", KernelVersion: "6.1.0-35-amd64", ContainerRuntimeVersion: "containerd://2.1.4", OperatingSystem: "linux", Architecture: "amd64"}
	if _, err = k.cs.CoreV1().Nodes().UpdateStatus(ctx, m, metav1.UpdateOptions{}); err != nil {
		return err
	}
	micro := metav1.NowMicro()
	ls := k.cs.CoordinationV1().Leases("kube-node-lease")
	secs := int32(40)
	l, err := ls.Get(ctx, k.host, metav1.GetOptions{})
	if apierr.IsNotFound(err) {
		_, err = ls.Create(ctx, &coordv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: k.host, OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: k.host, UID: n.UID}}}, Spec: coordv1.LeaseSpec{HolderIdentity: &k.host, LeaseDurationSeconds: &secs, RenewTime: &micro}}, metav1.CreateOptions{})
	} else if err == nil {
		l.Spec.RenewTime = &micro
		_, err = ls.Update(ctx, l, metav1.UpdateOptions{})
	}
	return err
}
