from maubot import MessageEvent, Plugin
from maubot.handlers import event
from mautrix.types import EventType


class Echo(Plugin):
    @event.on(EventType.ROOM_MESSAGE)
    async def echo(self, evt: MessageEvent) -> None:
        if evt.sender != self.client.mxid:
            await self.client.send_text(evt.room_id, f"echo {evt.content.body}")
