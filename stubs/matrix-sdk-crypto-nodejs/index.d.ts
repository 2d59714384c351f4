/** The names matrix-bot-sdk's own declarations mention. */
export class OlmMachine {
  static initialize(): Promise<never>
}
export enum StoreType { Sled = 0, Sqlite = 1 }
export enum RequestType { KeysUpload, KeysQuery, KeysClaim, ToDevice, SignatureUpload, RoomMessage, KeysBackup }
export enum EncryptionAlgorithm { OlmV1Curve25519AesSha2 = 0, MegolmV1AesSha2 = 1 }
export class UserId { constructor(id: string) }
export class DeviceId { constructor(id: string) }
export class RoomId { constructor(id: string) }
export class DeviceLists { constructor(changed?: UserId[], left?: UserId[]) }
export class EncryptionSettings {}
export class Attachment {}
export class EncryptedAttachment {}
export class Signatures {}
