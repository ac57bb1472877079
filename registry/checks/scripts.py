"""What the schedule does in Valkey in one step each, in Lua.

All times in it are Valkey's own, so that workers on several hosts need not agree on theirs.
"""

NOW = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
"""

# KEYS: schedule, definitions, states. ARGV: how many at most.
# A claim moves a check's due time to when the claim lapses. The claim of a worker that dies lapses, and the check is
# due again. The claim's time is also its token: a result with another token comes too late.
CLAIM = (
    NOW
    + """
local keys = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1], 'WITHSCORES')
local answer = {'0', '-1'}
for i = 1, #keys, 2 do
  local definition = redis.call('HGET', KEYS[2], keys[i])
  if definition then
    local patience = string.match(definition, '^(%S+) ')
    local token = string.format('%.6f', now + patience)
    redis.call('ZADD', KEYS[1], token, keys[i])
    local state = redis.call('HGET', KEYS[3], keys[i])
    for _, part in ipairs({keys[i], token, definition, state or ''}) do answer[#answer + 1] = part end
  else
    redis.call('ZREM', KEYS[1], keys[i])
  end
end
if keys[2] then answer[1] = string.format('%.6f', now - keys[2]) end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if next[2] then answer[2] = string.format('%.6f', math.max(0, next[2] - now)) end
return answer
"""
)

# KEYS: schedule, states. ARGV: for each check its key, token, seconds until it is due again, and new state.
# What was removed, replaced or claimed by another meanwhile is left alone, and answered with 0.
FINISH = (
    NOW
    + """
local answer = {}
for i = 1, #ARGV, 4 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], string.format('%.6f', now + ARGV[i + 2]), ARGV[i])
    if ARGV[i + 3] ~= '' then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 3]) end
    answer[#answer + 1] = 1
  else
    answer[#answer + 1] = 0
  end
end
return answer
"""
)

# KEYS: leader, schedule, definitions, states. ARGV: who, then for each check its key, definition (empty: removed),
# seconds until it is due (empty: as it is, or at once when it is not scheduled), and 1 to forget its state.
# A worker that does not lead any more, perhaps without having noticed, changes nothing.
ALIGN = (
    NOW
    + """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 4 do
  local key, definition, delay, forget = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if forget == '1' then redis.call('HDEL', KEYS[4], key) end
  if definition == '' then
    redis.call('ZREM', KEYS[2], key)
    redis.call('HDEL', KEYS[3], key)
  else
    redis.call('HSET', KEYS[3], key, definition)
    if delay == '' then
      redis.call('ZADD', KEYS[2], 'NX', string.format('%.6f', now), key)
    else
      redis.call('ZADD', KEYS[2], string.format('%.6f', now + delay), key)
    end
  end
end
return 1
"""
)
