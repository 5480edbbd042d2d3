-- Starts a session: digest, record, last seen, due, previous digest or empty, limit or 0, policy of
-- the limit (LIMIT_REFUSES …), now, the idle timeout of each rule, reason and time for sessions of
-- earlier epochs, and activity that is not written yet: id, last seen, id, last seen …
-- Decides everything before it writes.
local digest, record, seen, due, brought = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limit, policy, now = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
local idle = { tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]) }
local id, at = record:sub(6, 21), time(now)
local user, epoch, known = is_user(record) and user_of(record), nil, nil
local own, outdated, is_outdated = {}, {}, {}

if user then
  epoch, known = epoch_of(record), stored_epoch(user)
  if known > epoch then return { 'epoch' } end
  own = of_user(user)
  for n = 1, #own, 2 do
    if epoch_of(own[n + 1]) < epoch then
      outdated[#outdated + 1] = n
      is_outdated[own[n]] = true
    end
  end
end

local handed, place_handed
if brought ~= '' then
  handed, place_handed = by_digest(brought)
  if place_handed
    and (is_outdated[place_handed] or now >= deadline(place_handed, handed, idle)) then
    place_handed = nil
  end
end

local unwritten = {}
for n = 13, #ARGV, 2 do unwritten[ARGV[n]] = number(ARGV[n + 1]) end

local function last_seen(entry)
  return math.max(number(entry:sub(49, 55)), unwritten[entry:sub(1, 16)] or 0)
end

local evicted = {}
if user and limit > 0 then
  local others = {}
  for n = 1, #own, 2 do
    local entry = own[n]
    if not is_outdated[entry] and entry ~= place_handed
      and now < deadline(entry, own[n + 1], idle) then
      local seen_at = policy == LIMIT_EVICTS_IDLE and last_seen(entry) or 0
      others[#others + 1] = { n, number(own[n + 1]:sub(43, 49)), seen_at }
    end
  end
  local too_many = #others - (limit - 1)
  if too_many > 0 and policy == LIMIT_REFUSES then return { 'limit' } end
  -- Longest idle or oldest first; they arrive sorted by id.
  table.sort(others, function(one, other)
    if one[3] ~= other[3] then return one[3] < other[3] end
    if one[2] ~= other[2] then return one[2] < other[2] end
    return one[1] < other[1]
  end)
  for n = 1, too_many do evicted[n] = others[n][1] end
end

if call('EXISTS', PREFIX .. 't' .. digest) == 1 or live(id) or child_by_id(id) or ended(id) then
  return { 'taken' }
end

for _, n in ipairs(outdated) do finish(own[n], own[n + 1], ARGV[12]) end
local answer = { 'started', '' }
for _, n in ipairs(evicted) do
  finish(own[n], own[n + 1], SESSION_LIMIT .. at)
  answer[#answer + 1] = own[n]:sub(1, 16)
end
if place_handed then
  local same_person = not is_user(handed) or user_of(handed) == user
  answer[2] = place_handed:sub(1, 16)
  local data = PREFIX .. 'v' .. answer[2]
  if same_person and call('EXISTS', data) == 1 then
    call('RENAME', data, PREFIX .. 'v' .. id)
    -- The last client of the previous session is not inherited.
    if call('HGET', PREFIX .. 'v' .. id, 'l') then call('HSET', PREFIX .. 'v' .. id, 'l', '') end
  end
  finish(place_handed, handed, (same_person and REPLACED or SIGNED_OUT) .. at)
end
if user and epoch > known then store_epoch(user, epoch) end
insert_live(digest, record:sub(1, 2) .. gen .. record:sub(6), seen, due)
return answer
