// matrix-bot-sdk loads its native crypto module on import. Sluice speaks to unencrypted rooms only, so this package
// stands in for it: importing works, and whoever turns encryption on is told why it cannot be.
class OlmMachine {
  static async initialize() {
    throw new Error('encrypted rooms need @matrix-org/matrix-sdk-crypto-nodejs, which is replaced in package.json overrides')
  }
}

const numbered = (...names) => Object.freeze(Object.fromEntries(names.flatMap((name, i) => [[name, i], [i, name]])))

module.exports = {
  OlmMachine,
  StoreType: numbered('Sled', 'Sqlite'),
  RequestType: numbered('KeysUpload', 'KeysQuery', 'KeysClaim', 'ToDevice', 'SignatureUpload', 'RoomMessage', 'KeysBackup'),
  EncryptionAlgorithm: numbered('OlmV1Curve25519AesSha2', 'MegolmV1AesSha2'),
}
