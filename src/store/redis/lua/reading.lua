-- The start of every script: names of keys, and functions that read.
--
-- A tree is a packed ordered set of byte strings: leaves of at most 60 elements, and an index of
-- the first strings of all leaves except the first leaf. 60 entries of the index by id fit into
-- 4096 bytes, so that Redis keeps each leaf as a listpack. Redis compares all strings, because `<`
-- of Lua depends on the locale.
--
-- i<gen>  live sessions by id:        id 16, digest 32, last seen 7, due 7
-- u<gen>  live sessions by user:      user 16, id 16
-- d<gen>  live sessions by due time:  due 7, id 16
-- e       ended sessions by id:       id 16, digest 32
-- c       children by parent:         parent 16, digest 32
-- h       children by id:             id 16, digest 32
-- q       codes by session:           session 16, expires 7, digest 32
-- o       codes by expiry:            expires 7, digest 32
-- f       records to delete:          ended at 7, then a digest 32 or a user 16
-- r       the revocation feed:        number 7, id 16, user 16 or zeros, reason 1, ended at 7
--
-- v<id> is a hash: the data of each compartment, and as `l` the client of the last activity, unless
-- it is the client that started the session.
--
-- k<digest> is a hand-over code: session 16, expires 7, state 32, origin.
--
-- r# is a hash, the state of the feed: `i` the identity that is part of every cursor, `n` the last
-- number, `f` the highest deleted number.
local call, struct_pack, struct_unpack = redis.call, struct.pack, struct.unpack

local function number(bytes) return struct_unpack('>I' .. #bytes, bytes) end
local function time(number_of) return struct_pack('>I7', number_of) end

-- The current generation of sessions, followed by the ends of earlier generations that the sweep
-- has not deleted yet, latest first: generation 3, reason 1, ended at 7.
local state = call('GET', PREFIX .. 't') or '\0\0\0'
local gen = state:sub(1, 3)

local function leaf(tree, from) return PREFIX .. tree .. ':' .. from end

-- The first string of the leaf that the element belongs to.
local function beginning(tree, element)
  return call('ZREVRANGEBYLEX', PREFIX .. tree, '[' .. element, '-', 'LIMIT', 0, 1)[1] or ''
end

-- The first element with this prefix.
local function beginning_with(tree, name)
  local found = leaf(tree, beginning(tree, name))
  local element = call('ZRANGEBYLEX', found, '[' .. name, '+', 'LIMIT', 0, 1)[1]
  if element and element:sub(1, #name) == name then return element end
end

-- Calls `take` with the elements from `start` on, in order, until it returns false.
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
-- authenticated 7, expires 7, with HAS_FACTOR the second factor 1 and when it was proven 7, with
-- HAS_PASSKEY in the second factor the passkey 16, and the client.
local function is_live_form(record) return record and record:byte(1) == LIVE end
local function is_user(record) return bit.band(record:byte(2), IS_USER) ~= 0 end
local function user_of(record) return record:sub(22, 37) end
local function has_factor(record) return bit.band(record:byte(2), HAS_FACTOR) ~= 0 end
local function has_passkey(record)
  return has_factor(record) and bit.band(record:byte(64), HAS_PASSKEY) ~= 0
end
local function from_client(record)
  if has_passkey(record) then return record:sub(88) end
  return record:sub(has_factor(record) and 72 or 64)
end
local function client_of(record)
  return string.char(bit.band(record:byte(2), FAMILIES)) .. from_client(record)
end
local function epoch_of(record) return number(record:sub(38, 42)) end

-- A record of a child: kind 1, flags 1, id 16, parent 16, started 7, length of the origin 2, the
-- origin, and the client. It is live while its parent is, and its end is the one of its parent.
local function is_child_form(record) return record and record:byte(1) == CHILD end
local function child_id(record) return record:sub(3, 18) end
local function parent_of(record) return record:sub(19, 34) end
local function origin_of(record) return record:sub(44, 43 + number(record:sub(42, 43))) end

-- A record of an ended token: kind 1, flags 1, reason 1, ended at 7, id 16.
local function ended_record(record, why, rotated)
  local flags = (is_user(record) and 0 or WAS_ANONYMOUS) + (rotated and WAS_ROTATED or 0)
  return string.char(ENDED, flags) .. why .. record:sub(6, 21)
end

-- The reason and time at which an earlier generation ended.
local function end_of_generation(earlier)
  for at = 4, #state, 11 do
    if state:sub(at, at + 2) == earlier then return state:sub(at + 3, at + 10) end
  end
end

-- A live session by its id: its element of the index by id, and its record. Both must exist.
local function live(id)
  local entry = beginning_with('i' .. gen, id)
  local record = entry and call('GET', PREFIX .. 't' .. entry:sub(17, 48))
  if is_live_form(record) and record:sub(3, 5) == gen and record:sub(6, 21) == id then
    return entry, record
  end
end

-- The session of a token: of a live one its record and index element, of an ended one and of a
-- child its record alone.
local function by_digest(digest)
  local record = call('GET', PREFIX .. 't' .. digest)
  if not is_live_form(record) then return record end
  if record:sub(3, 5) ~= gen then
    local why = end_of_generation(record:sub(3, 5))
    return why and ended_record(record, why)
  end
  local entry = beginning_with('i' .. gen, record:sub(6, 21))
  if entry and entry:sub(17, 48) == digest then return record, entry end
end

-- The record of an ended session, by its id.
local function ended(id)
  local element = beginning_with('e', id)
  if element then return call('GET', PREFIX .. 't' .. element:sub(17, 48)) end
  for at = 4, #state, 11 do
    local earlier = state:sub(at, at + 2)
    local entry = beginning_with('i' .. earlier, id)
    local record = entry and call('GET', PREFIX .. 't' .. entry:sub(17, 48))
    if is_live_form(record) and record:sub(3, 5) == earlier then
      return ended_record(record, state:sub(at + 3, at + 10))
    end
  end
end

-- The answer form of a session: the record, the last client with its length, the last activity.
local function shown(entry, record)
  local last = call('HGET', PREFIX .. 'v' .. entry:sub(1, 16), 'l') or ''
  return record .. last .. struct_pack('>I2', #last) .. entry:sub(49, 55)
end

-- The digests of the children of a session, live or not.
local function children_of(id)
  local found = {}
  walk('c', id, function(element)
    if element:sub(1, 16) ~= id then return false end
    found[#found + 1] = element:sub(17, 48)
    return true
  end)
  return found
end

-- A child that did not end alone, by its id: its record and its digest.
local function child_by_id(id)
  local element = beginning_with('h', id)
  local record = element and call('GET', PREFIX .. 't' .. element:sub(17, 48))
  if is_child_form(record) then return record, element:sub(17, 48) end
end

-- The answer form of a child: of a live one the length of its record, the record and its parent, of
-- an ended one the record of its end.
local function shown_child(record)
  local entry, parent = live(parent_of(record))
  if entry then
    return string.char(CHILD) .. struct_pack('>I2', #record) .. record .. shown(entry, parent)
  end
  local over = ended(parent_of(record))
  return over and string.char(ENDED, WAS_CHILD) .. over:sub(3, 10) .. child_id(record)
end
