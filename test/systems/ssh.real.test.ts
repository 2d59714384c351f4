import { startSshd } from '../lab/sshd.ts'
import { lab, real } from '../lab/need.ts'
import { hostContract } from './ssh.contract.ts'

await real(['sshd'], 'a real sshd', () => {
  hostContract('OpenSSH', async () => {
    const sshd = await startSshd(lab())
    const { host: address, port, user, privateKey, knownHosts, stateDir, strangerKey } = sshd
    const options = { name: 'server23', address, port, user, privateKey, knownHosts: () => knownHosts, stateDir }
    return { options, strangerKey, cut: sshd.cut, stop: sshd.stop }
  })
})
