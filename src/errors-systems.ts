/**
 * The codes of the systems behind Sluice: part of the table in errors.ts. `transient`: it may pass by itself, so that it is tried again
 * (src/retry.ts). Everything else is an answer: asking once more would get the same one, or do something twice.
 */
export const SYSTEM_ERRORS = {
  'K8S-UNREACHABLE': {
    sentence: 'The API server cannot be reached.',
    advice: 'Check the network and the control plane.',
    transient: true,
  },
  'K8S-BUSY': {
    sentence: 'The API server has too many requests and asks to wait.',
    advice: 'Find out who asks so much of it; Sluice waits and tries again.',
    transient: true,
  },
  'K8S-FAULT': {
    sentence: 'The API server met an error of its own (500).',
    advice: 'Look at its log, at etcd, and at the webhooks the text names.',
    transient: true,
  },
  'K8S-FORBIDDEN': {
    sentence: 'The API server forbids this to Sluice.',
    advice: 'Grant the missing rule; deploy/rbac.yaml has them all.',
  },
  'K8S-NOT-FOUND': { sentence: 'The object does not exist.', advice: 'Check the name.' },
  'K8S-CONFLICT': { sentence: 'The object changed meanwhile.', advice: 'Try again.' },
  'K8S-ERROR': { sentence: 'The API server answered with an error.', advice: 'See the text of the error.' },
  'K8S-TIMEOUT': {
    sentence: 'The API server did not answer in time.',
    advice: 'Check the control plane, then try again.',
    transient: true,
  },
  'K8S-CREDENTIALS': {
    sentence: 'The credentials of the cluster cannot be used.',
    advice: 'Check the reference and the expiry of the kubeconfig or token.',
  },
  'CLUSTER-HELD': {
    sentence: 'Another installation of Sluice, with another Redis, works on this cluster.',
    advice:
      'Stop one of the two, or let both use one Redis. It is free by itself half a minute after the other has ended its jobs there, or died.',
    transient: true,
  },
  'SSH-HOSTKEY': {
    sentence: 'The host key is not the known one.',
    advice: 'Compare the fingerprint with the host, then trust it.',
  },
  'SSH-UNREACHABLE': {
    sentence: 'The host cannot be reached by SSH.',
    advice: 'Check that the host is up.',
    transient: true,
  },
  'SSH-AUTH': { sentence: 'The host refuses the key.', advice: 'Check the key in config/sluice.yaml.' },
  'SSH-UNKNOWN-OUTCOME': {
    sentence: 'The connection was lost before the command ended.',
    advice: 'Look at the host before running it again.',
  },
  'SSH-TIMEOUT': { sentence: 'The command on the host did not end in time.', advice: 'Look at the host.' },
  'REDMINE-UNREACHABLE': { sentence: 'Redmine cannot be reached.', advice: 'Notes are delayed until it is back.' },
  'REDMINE-AUTH': { sentence: 'Redmine refuses the API key.', advice: 'Check the key and that the REST API is on.' },
  'REDMINE-ERROR': { sentence: 'Redmine answered with an error.', advice: 'See the text of the error.' },
} as const
