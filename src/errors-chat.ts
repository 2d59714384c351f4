/** The codes of chat platforms: part of the table in errors.ts. */
export const CHAT_ERRORS = {
  'CHAT-ELSEWHERE': {
    sentence: 'Another replica of Sluice reads and writes there.',
    advice: 'Nothing: what is to be said there is said by that one.',
  },
  'CHAT-UNREACHABLE': {
    sentence: 'The chat platform cannot be reached.',
    advice: 'Sluice tries again; nothing is lost.',
  },
  'CHAT-AUTH': { sentence: 'The chat platform refuses the token.', advice: 'Renew the token and restart.' },
  'CHAT-LIMITED': { sentence: 'The chat platform asks to slow down.', advice: 'Sluice waits; nothing is lost.' },
  'CHAT-GONE': {
    sentence: 'The message is not there any more.',
    advice: 'Somebody took it away; Sluice posts a card again, once.',
  },
  'CHAT-KEYS': {
    sentence: 'The file with the keys of encrypted Matrix rooms cannot be used.',
    advice:
      'Mend the cause; one process may use a data folder. If the file is gone for good, log the bot in anew (docs/operator.md).',
  },
  'CHAT-KEYS-LOST': {
    sentence: 'The keys of this Matrix login are lost; nobody could read what it sends to encrypted rooms.',
    advice:
      'Log the bot in anew and configure the new access token (docs/operator.md, Encrypted rooms). Other rooms go on.',
  },
  'CHAT-UNREADABLE': {
    sentence: 'I could not read a message: its key did not reach me.',
    advice: 'Please send it again.',
  },
  'CHAT-PLAIN': {
    sentence:
      'A message came in plain text into this encrypted room; I did not take it, because it cannot be checked who wrote it.',
    advice: 'Please send it again encrypted.',
  },
  'CHAT-REJECTED': { sentence: 'The chat platform rejects the message.', advice: 'See the text of the error.' },
} as const
