// matrix-bot-sdk loads its native crypto module on import, which npm alone does not bring. This package stands in for it: importing
// works, and whoever turns the SDK's own encryption on is told where ours is.
class OlmMachine {
  static async initialize() {
    throw new Error('rooms are encrypted by src/bot/matrix-olm.ts; the native module is replaced in package.json overrides')
  }
}

const numbered = (...names) => Object.freeze(Object.fromEntries(names.flatMap((name, i) => [[name, i], [i, name]])))

module.exports = {
  OlmMachine,
  StoreType: numbered('Sled', 'Sqlite'),
  RequestType: numbered('KeysUpload', 'KeysQuery', 'KeysClaim', 'ToDevice', 'SignatureUpload', 'RoomMessage', 'KeysBackup'),
  EncryptionAlgorithm: numbered('OlmV1Curve25519AesSha2', 'MegolmV1AesSha2'),
}
