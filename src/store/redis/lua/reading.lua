-- What every script begins with: the names of things, and how they are found.
--
-- A tree is an ordered set of byte strings, packed: leaves of at most 60 elements, and an index of
-- the beginnings of all leaves but the first: 60 places of live sessions are what fits into 4096
-- bytes. Each leaf is a sorted set small enough for Redis to keep it as one piece of memory. All
-- strings are compared by Redis, never by Lua, whose `<` goes by the locale.
--
-- i<gen>  live sessions by id:        id 16, digest 32, last seen 7, due 7
-- u<gen>  live sessions by user:      user 16, id 16
-- d<gen>  live sessions by due time:  due 7, id 16
-- e       ended sessions by id:       id 16, digest 32
-- f       what is to be forgotten:    ended at 7, then a digest 32 or a user 16
-- r       the feed of ends:           number 7, id 16, user 16 or zeros, reason 1, ended at 7
--
-- v<id> is a hash of what is written besides the record: the data of each compartment, and as `l`
-- where the session was last seen, unless that is where it was started from.
--
-- r# is a hash of what the feed itself has to know: `i` the identity that is part of every cursor,
-- `n` the number given last, `f` the highest that was forgotten.
local call, struct_pack, struct_unpack = redis.call, struct.pack, struct.unpack

local function number(bytes) return struct_unpack('>I' .. #bytes, bytes) end
local function time(number_of) return struct_pack('>I7', number_of) end

-- The present generation of sessions, and after it what ended the earlier ones that the sweep has
-- not cleared away yet, the latest first: generation 3, reason 1, at 7.
local state = call('GET', PREFIX .. 't') or '\0\0\0'
local gen = state:sub(1, 3)

local function leaf(tree, from) return PREFIX .. tree .. ':' .. from end

-- Where the leaf begins that has the element, or would have it.
local function beginning(tree, element)
  return call('ZREVRANGEBYLEX', PREFIX .. tree, '[' .. element, '-', 'LIMIT', 0, 1)[1] or ''
end

-- The first element that begins with this.
local function beginning_with(tree, name)
  local found = leaf(tree, beginning(tree, name))
  local element = call('ZRANGEBYLEX', found, '[' .. name, '+', 'LIMIT', 0, 1)[1]
  if element and element:sub(1, #name) == name then return element end
end

-- Shows the elements from `start` on, in order, until `take` says false.
local function walk(tree, start, take)
  local from = beginning(tree, start)
  while from do
    for _, element in ipairs(call('ZRANGEBYLEX', leaf(tree, from), '[' .. start, '+')) do
      if not take(element) then return end
    end
    from = call('ZRANGEBYLEX', PREFIX .. tree, '(' .. from, '+', 'LIMIT', 0, 1)[1]
  end
end

-- A record of a session: kind 1, flags 1, generation 3, id 16, user 16, epoch 5, created 7,
-- authenticated 7, expires 7, and the client.
local function is_live_form(record) return record and record:byte(1) == LIVE end
local function is_user(record) return bit.band(record:byte(2), IS_USER) ~= 0 end
local function user_of(record) return record:sub(22, 37) end
local function client_of(record)
  return string.char(bit.band(record:byte(2), FAMILIES)) .. record:sub(64)
end
local function epoch_of(record) return number(record:sub(38, 42)) end

-- What is left of a token: kind 1, flags 1, reason 1, ended at 7, id 16.
local function epitaph(record, why, rotated)
  local flags = (is_user(record) and 0 or WAS_ANONYMOUS) + (rotated and WAS_ROTATED or 0)
  return string.char(ENDED, flags) .. why .. record:sub(6, 21)
end

-- Why and when everything of an earlier generation ended.
local function end_of_generation(earlier)
  for at = 4, #state, 11 do
    if state:sub(at, at + 2) == earlier then return state:sub(at + 3, at + 10) end
  end
end

-- A live session by its id: its element in the order of ids, and its record. One without the other
-- is no session.
local function live(id)
  local place = beginning_with('i' .. gen, id)
  local record = place and call('GET', PREFIX .. 't' .. place:sub(17, 48))
  if is_live_form(record) and record:sub(3, 5) == gen and record:sub(6, 21) == id then
    return place, record
  end
end

-- What is known of a token: of a live session the record and its place, of an ended one what is
-- left of it and no place.
local function by_digest(digest)
  local record = call('GET', PREFIX .. 't' .. digest)
  if not is_live_form(record) then return record end
  if record:sub(3, 5) ~= gen then
    local why = end_of_generation(record:sub(3, 5))
    return why and epitaph(record, why)
  end
  local place = beginning_with('i' .. gen, record:sub(6, 21))
  if place and place:sub(17, 48) == digest then return record, place end
end

-- What is left of a session that ended, by its id.
local function ended(id)
  local element = beginning_with('e', id)
  if element then return call('GET', PREFIX .. 't' .. element:sub(17, 48)) end
  for at = 4, #state, 11 do
    local earlier = state:sub(at, at + 2)
    local place = beginning_with('i' .. earlier, id)
    local record = place and call('GET', PREFIX .. 't' .. place:sub(17, 48))
    if is_live_form(record) and record:sub(3, 5) == earlier then
      return epitaph(record, state:sub(at + 3, at + 10))
    end
  end
end

-- The form in which a session goes out: the record, where it was last seen with its length, when.
local function shown(place, record)
  local last = call('HGET', PREFIX .. 'v' .. place:sub(1, 16), 'l') or ''
  return record .. last .. struct_pack('>I2', #last) .. place:sub(49, 55)
end
