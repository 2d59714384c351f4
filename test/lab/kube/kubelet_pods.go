package main

// Pods of the node: mirrors of the static ones, and the others, which are only played.

import (
	"context"
	"crypto/md5"
	"errors"
	"net"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	apierr "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (k *kubelet) syncPods() error {
	list, err := k.cs.CoreV1().Pods("").List(context.Background(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + k.host})
	if err != nil {
		return err
	}
	want := k.wanted()
	var errs []error
	for i := range list.Items {
		p := &list.Items[i]
		h, mirror := p.Annotations[v1.MirrorPodAnnotationKey]
		s := want[p.Namespace+"/"+p.Name]
		switch {
		case mirror && (s == nil || s.hash != h || p.DeletionTimestamp != nil):
			errs = append(errs, k.remove(p))
		case mirror:
			delete(want, p.Namespace+"/"+p.Name)
			errs = append(errs, k.status(p, s))
		default:
			errs = append(errs, k.play(p))
		}
	}
	for key, s := range want {
		errs = append(errs, k.mirror(key, s))
	}
	return errors.Join(errs...)
}

// wanted: the static pods by namespace/name of their mirrors
func (k *kubelet) wanted() map[string]*static {
	k.mu.Lock()
	defer k.mu.Unlock()
	want := map[string]*static{}
	for _, s := range k.pods {
		ns := s.pod.Namespace
		if ns == "" {
			ns = "default"
		}
		want[ns+"/"+s.pod.Name+"-"+k.host] = s
	}
	return want
}

func (k *kubelet) remove(p *v1.Pod) error {
	zero := int64(0)
	err := k.cs.CoreV1().Pods(p.Namespace).Delete(context.Background(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &p.UID}})
	if apierr.IsNotFound(err) || apierr.IsConflict(err) {
		return nil
	}
	return err
}

// play: what becomes of a pod without processes
func (k *kubelet) play(p *v1.Pod) error {
	switch {
	case p.DeletionTimestamp != nil:
		if p.Annotations["kubelab/stuck"] == "" && terminated(p) {
			return k.remove(p)
		}
	case p.Status.Phase == v1.PodPending && (p.Spec.HostNetwork || k.node.Spec.PodCIDR != ""):
		return k.status(p, nil)
	case p.Status.Phase == v1.PodRunning && len(p.OwnerReferences) == 1 && p.OwnerReferences[0].Kind == "Job":
		return k.complete(p)
	case p.Status.Phase == v1.PodRunning && !conditionReady(p): // the node was away
		return k.status(p, nil)
	}
	return nil
}

func terminated(p *v1.Pod) bool {
	d := 300 * time.Millisecond
	if a, err := time.ParseDuration(p.Annotations["kubelab/term"]); err == nil {
		d = a
	}
	grace := time.Duration(0)
	if p.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*p.DeletionGracePeriodSeconds) * time.Second
	}
	return time.Since(p.DeletionTimestamp.Add(-grace)) > d
}

func conditionReady(p *v1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == v1.PodReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}

// mirror: owned by the node with controller: true, else NodeRestriction refuses it
func (k *kubelet) mirror(key string, s *static) error {
	ns, _, _ := strings.Cut(key, "/")
	p := s.pod.DeepCopy()
	yes := true
	p.Namespace, p.Name = ns, p.Name+"-"+k.host
	if p.Annotations == nil {
		p.Annotations = map[string]string{}
	}
	p.Annotations[v1.MirrorPodAnnotationKey] = s.hash
	p.Annotations["kubernetes.io/config.hash"] = s.hash
	p.Annotations["kubernetes.io/config.source"] = "file"
	p.Annotations["kubernetes.io/config.seen"] = time.Now().Format(time.RFC3339Nano)
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: k.host, UID: k.node.UID, Controller: &yes}}
	p.Spec.NodeName = k.host
	p.Spec.Tolerations = append(p.Spec.Tolerations, v1.Toleration{Operator: v1.TolerationOpExists, Effect: v1.TaintEffectNoExecute})
	p.Status = v1.PodStatus{}
	_, err := k.cs.CoreV1().Pods(ns).Create(context.Background(), p, metav1.CreateOptions{})
	if apierr.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (k *kubelet) status(p *v1.Pod, s *static) error {
	ready, run, since, restarts := true, true, time.Now(), int32(0)
	if s != nil {
		s.mu.Lock()
		run, since, restarts = s.running, s.since, s.restarts
		s.mu.Unlock()
		ready = run && probe(p)
		if p.Status.Phase == v1.PodRunning && len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].Ready == ready && conditionReady(p) == ready && p.Status.ContainerStatuses[0].RestartCount == restarts {
			return nil
		}
	}
	b := v1.ConditionFalse
	if ready {
		b = v1.ConditionTrue
	}
	n := p.DeepCopy()
	now := metav1.Now()
	ip := k.podIP(p)
	st := metav1.NewTime(since)
	n.Status.Phase, n.Status.StartTime = v1.PodRunning, &now
	n.Status.HostIP, n.Status.PodIP = k.ip, ip
	n.Status.HostIPs, n.Status.PodIPs = []v1.HostIP{{IP: k.ip}}, []v1.PodIP{{IP: ip}}
	n.Status.Conditions, n.Status.ContainerStatuses = nil, nil
	for _, t := range []v1.PodConditionType{v1.PodScheduled, v1.PodInitialized, v1.ContainersReady, v1.PodReady} {
		v := v1.ConditionTrue
		if t == v1.ContainersReady || t == v1.PodReady {
			v = b
		}
		n.Status.Conditions = append(n.Status.Conditions, v1.PodCondition{Type: t, Status: v, LastTransitionTime: now})
	}
	for _, c := range p.Spec.Containers {
		state := v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: st}}
		if !run {
			state = v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		}
		n.Status.ContainerStatuses = append(n.Status.ContainerStatuses, v1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: ready, Started: &ready, RestartCount: restarts, State: state})
	}
	_, err := k.cs.CoreV1().Pods(p.Namespace).UpdateStatus(context.Background(), n, metav1.UpdateOptions{})
	if apierr.IsConflict(err) || apierr.IsNotFound(err) {
		return nil
	}
	return err
}

// podIP: a made-up address of the node's pod range, by the pod's uid
func (k *kubelet) podIP(p *v1.Pod) string {
	if p.Spec.HostNetwork {
		return k.ip
	}
	_, c, err := net.ParseCIDR(k.node.Spec.PodCIDR)
	if err != nil {
		return k.ip
	}
	h := md5.Sum([]byte(p.UID))
	x := append(net.IP{}, c.IP...)
	copy(x[len(x)-2:], h[:2])
	return x.String()
}

// complete: a Job's pod has done its work at once
func (k *kubelet) complete(p *v1.Pod) error {
	n := p.DeepCopy()
	n.Status.Phase = v1.PodSucceeded
	for i := range n.Status.ContainerStatuses {
		c := &n.Status.ContainerStatuses[i]
		c.Ready = false
		c.State = v1.ContainerState{Terminated: &v1.ContainerStateTerminated{ExitCode: 0, Reason: "Completed", StartedAt: *n.Status.StartTime, FinishedAt: metav1.Now()}}
	}
	for i := range n.Status.Conditions {
		if t := n.Status.Conditions[i].Type; t == v1.PodReady || t == v1.ContainersReady {
			n.Status.Conditions[i].Status = v1.ConditionFalse
		}
	}
	_, err := k.cs.CoreV1().Pods(p.Namespace).UpdateStatus(context.Background(), n, metav1.UpdateOptions{})
	return err
}
