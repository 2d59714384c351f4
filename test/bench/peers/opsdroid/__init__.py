from opsdroid.matchers import match_regex
from opsdroid.skill import Skill


class Echo(Skill):
    @match_regex(r".*job.*")
    async def echo(self, message):
        await message.respond(f"echo {message.text}")
