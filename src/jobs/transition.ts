import { kept } from '../store/script.ts'

/**
 * The one write of every transition: compare the revision, set the state, append to the audit chain and the transition stream, move
 * locks, list what has to be dispatched. All keys share the hash tag of KEYS[1], so that the names built here are in its slot.
 * Answers {ok, transition id, granted effects, outbox keys} | {conflict, last write id} | {head, current head} | {lost}.
 */
export const COMMIT = kept(`
local m = cjson.decode(ARGV[1])
local p = '{sluice}'
local jobKey = KEYS[1]
if m.fence[1] and redis.call('GET', m.fence[1]) ~= m.fence[2] then return {'lost'} end
if m.fence[3] and redis.call('HGET', jobKey, 'release') ~= m.fence[3] then return {'lost'} end
local rev = tonumber(redis.call('HGET', jobKey, 'rev') or '0')
if rev ~= m.expect then return {'conflict', redis.call('HGET', jobKey, 'write') or ''} end
if m.create then
  if tonumber(redis.call('GET', p..':job-count') or '0') ~= tonumber(m.job) - 1 then return {'conflict', ''} end
  for _, o in ipairs(m.once) do if redis.call('EXISTS', o[1]) == 1 and string.find(o[1], ':submitted:', 1, true) then return {'conflict', ''} end end
end
if m.audit then
  local head = redis.call('GET', p..':audit-head') or ''
  if head ~= m.prev then return {'head', head} end
end
if m.create then redis.call('SET', p..':job-count', m.job) end
redis.call('HSET', jobKey, 'rev', m.rev, 'record', ARGV[2], 'write', m.write, 'cancel', m.cancel)
if m.audit then
  redis.call('XADD', p..':audit', '*', 'entry', ARGV[3], 'hash', m.hash)
  redis.call('SET', p..':audit-head', m.head)
  if m.words ~= '' then redis.call('HSET', p..':audit-words', m.number, m.words) end
end
local tid = ''
if m.moved then
  tid = redis.call('XADD', p..':transitions', 'MAXLEN', '~', '100000', '*', 'job', m.job, 'state', m.state, 'code', m.code, 'revision', m.rev)
  if m.was ~= '' then redis.call('ZREM', p..':jobs-in:'..m.was, m.job) end
  redis.call('ZADD', p..':jobs-in:'..m.state, m.job, m.job)
  local journal = p..':journal:'..m.job
  if m.final then redis.call('EXPIRE', journal, m.onceS) else redis.call('PERSIST', journal) end
end
redis.call(m.stopped == 1 and 'SADD' or 'SREM', p..':stopped-jobs', m.job)
for _, o in ipairs(m.once) do redis.call('SET', o[1], o[2], 'EX', m.onceS) end
for _, e in ipairs(m.effects) do redis.call('HSET', p..':effects', e[1], e[2]) end
local draw = {}
local due = p..':due:outbox'
redis.call('HINCRBY', due, 'job/'..m.job, 1)

local held, since, waiting, sets = p..':locks-held', p..':locks-since', p..':locks-waiting', p..':locks-sets'
local asked = p..':locks-asked'
local granted = {}
local function take(j, set)
  for _, k in ipairs(set) do
    redis.call('HSET', held, k, j)
    redis.call('HSETNX', since, k, m.atMs)
  end
  redis.call('ZREM', waiting, j)
  redis.call('HDEL', asked, j)
  local id = 'job-'..j..'-'..redis.call('INCR', p..':releases')
  local effect = cjson.encode({id = id, queue = 'work', name = 'run', data = {job = j}})
  redis.call('HSET', p..':effects', id, effect)
  redis.call('HSET', p..':job:'..j, 'release', id)
  granted[#granted + 1] = effect
end
local function mine(j, set)
  for _, k in ipairs(set) do if redis.call('HGET', held, k) ~= j then return false end end
  return true
end
local function grant()
  local reserved = {}
  for _, j in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
    local set = cjson.decode(redis.call('HGET', sets, j))
    local free = true
    for _, k in ipairs(set) do
      local h = redis.call('HGET', held, k)
      if (h and h ~= j) or reserved[k] then free = false end
    end
    if free then take(j, set) else for _, k in ipairs(set) do reserved[k] = true end end
    if j ~= m.job then
      redis.call('HINCRBY', due, 'job/'..j, 1)
      draw[#draw + 1] = 'job/'..j
    end
  end
end
if m.locks == 'want' then
  redis.call('HSET', sets, m.job, #m.keys > 0 and cjson.encode(m.keys) or '[]')
  if mine(m.job, m.keys) then
    take(m.job, m.keys)
  else
    redis.call('ZADD', waiting, 'NX', redis.call('INCR', p..':lock-line'), m.job)
    redis.call('HSETNX', asked, m.job, m.atMs)
    grant()
  end
elseif m.locks == 'release' or m.locks == 'strip' then
  local set = redis.call('HGET', sets, m.job)
  if set then
    for _, k in ipairs(cjson.decode(set)) do
      if redis.call('HGET', held, k) == m.job then redis.call('HDEL', held, k) redis.call('HDEL', since, k) end
    end
    redis.call('HDEL', sets, m.job)
    redis.call('HDEL', jobKey, 'release')
  end
  if m.locks == 'strip' then
    local all = redis.call('HGETALL', held)
    for i = 1, #all, 2 do
      if all[i + 1] == m.job then redis.call('HDEL', held, all[i]) redis.call('HDEL', since, all[i]) end
    end
  end
  redis.call('ZREM', waiting, m.job)
  redis.call('HDEL', asked, m.job)
  grant()
end
return {'ok', tid, '['..table.concat(granted, ',')..']', #draw > 0 and cjson.encode(draw) or ''}`)
