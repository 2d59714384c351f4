// `request` is deprecated and has open advisories. src/bot/matrix-http.ts gives matrix-bot-sdk a function over fetch instead;
// whoever still comes here forgot to.
module.exports = () => {
  throw new Error('the request package is replaced: call setRequestFn of matrix-bot-sdk first')
}
