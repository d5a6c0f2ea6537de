// A WebSocket peer of Node.js with the package `ws`.
//
//   node websocket_peer.js client URL BITS FRESH    sends messages and checks that they come back; prints `done`
//   node websocket_peer.js server BITS FRESH        serves every message back; prints `READY port`
'use strict'
const assert = require('assert')
const { WebSocket, WebSocketServer } = require('ws')

function compression (bits, fresh) {
  if (!Number(bits)) return false
  return {
    threshold: 1,
    serverNoContextTakeover: fresh === '1',
    clientNoContextTakeover: fresh === '1',
    serverMaxWindowBits: Number(bits),
    clientMaxWindowBits: Number(bits)
  }
}

function client (url, bits, fresh) {
  const socket = new WebSocket(url, { perMessageDeflate: compression(bits, fresh) })
  const messages = []
  for (let size = 0; size < 300000; size = size * 3 + 1) {
    messages.push('the quick brown fox, \u03ba\u03cc\u03c3\u03bc\u03b5 '.repeat(size / 20 + 1).slice(0, size))
    messages.push(require('crypto').randomBytes(size))
  }
  let next = 0
  const send = () => next < messages.length ? socket.send(messages[next]) : socket.ping('alive?')
  socket.on('open', send)
  socket.on('message', (data, binary) => {
    assert.strictEqual(binary, typeof messages[next] !== 'string')
    assert.ok(Buffer.from(messages[next]).equals(data), `message ${next}`)
    next++
    send()
  })
  socket.on('pong', data => {
    assert.strictEqual(data.toString(), 'alive?')
    socket.close(4001, 'enough')
  })
  socket.on('close', (code, reason) => {
    assert.strictEqual(`${code} ${reason}`, '4001 enough')
    console.log(`done extensions=${socket.extensions}`)
  })
}

function server (bits, fresh) {
  const listening = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: compression(bits, fresh) })
  listening.on('listening', () => console.log(`READY ${listening.address().port}`))
  listening.on('connection', socket => {
    socket.on('message', (data, binary) => socket.send(data, { binary }))
    socket.on('close', () => listening.close())
  })
}

const [role, ...rest] = process.argv.slice(2)
;({ client, server })[role](...rest)
