import type { Log } from '../log.ts'
import type { Request } from './matrix-http.ts'
import { watchPower } from './matrix-power.ts'
import type { SyncDeps } from './matrix-sync.ts'
import { roomUpgrades } from './matrix-upgrade.ts'

export type Watching = {
  readonly request: Request
  readonly self: string
  readonly rooms: () => readonly string[]
  readonly onMoved: (from: string, to: string) => Promise<void>
  readonly read: (room: string, event: string) => void
  readonly log: Log
}

/** What looks on beside the reading: upgrades, power, read markers. */
export function watching({
  request,
  self,
  rooms,
  onMoved,
  read,
  log,
}: Watching): Pick<SyncDeps, 'onState' | 'onLeave' | 'beforeRoom' | 'afterRoom' | 'afterBatch'> {
  const upgrades = roomUpgrades({ request, rooms, onMoved, log })
  const power = watchPower(request, self, rooms, log)
  return {
    onState: (room, event) => {
      for (const one of [upgrades, power]) one.onState(room, event)
    },
    onLeave: power.onLeave,
    beforeRoom: upgrades.beforeRoom,
    afterRoom: async (room, newest) => {
      if (newest !== undefined && newest.sender !== self) read(room, newest.event_id)
      await upgrades.afterRoom(room)
    },
    afterBatch: () => {
      upgrades.afterBatch()
      power.afterBatch()
    },
  }
}
