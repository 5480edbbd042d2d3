-- Asks Anteroom about the request. Answers it unless the user may pass; then sets the identity
-- headers and removes Anteroom's cookies. haproxy.cfg says where this file goes.

local CHECK = "http://127.0.0.1:8080/auth/verify/redirect"
local COOKIES = { ["__Host-anteroom"] = true, ["__Host-anteroom-state"] = true }
local IDENTITY = { "remote-user", "remote-email", "remote-name", "remote-groups" }

-- The lines of a header in their order. Those of a request are counted from 0, those of an answer
-- from 1.
local function lines(headers, name)
    local found, all = {}, headers[name] or {}
    local place = all[0] and 0 or 1
    while all[place] do
        found[#found + 1] = all[place]
        place = place + 1
    end
    return found
end

-- The cookies of a line without Anteroom's.
local function others(line)
    local kept = {}
    for pair in line:gmatch("[^;]+") do
        pair = pair:match("^%s*(.-)%s*$")
        if pair ~= "" and not COOKIES[pair:match("^[^=]*"):match("^(.-)%s*$")] then
            kept[#kept + 1] = pair
        end
    end
    return table.concat(kept, "; ")
end

local function answer(txn, status, response)
    local reply = txn:reply({ status = status })
    for _, name in ipairs({ "location", "set-cookie", "cache-control", "content-type", "x-request-id" }) do
        for _, line in ipairs(lines(response and response.headers or {}, name)) do
            reply:add_header(name, line)
        end
    end
    if response then reply:set_body(response.body or "") end
    txn:done(reply)
end

core.register_action("anteroom", { "http-req" }, function(txn)
    local sent = txn.http:req_get_headers()
    local question = {
        ["host"] = lines(sent, "host"),
        ["cookie"] = lines(sent, "cookie"),
        ["accept"] = lines(sent, "accept"),
        ["sec-fetch-mode"] = lines(sent, "sec-fetch-mode"),
        ["user-agent"] = lines(sent, "user-agent"),
        ["x-forwarded-for"] = { txn.f:src() },
        ["x-forwarded-host"] = lines(sent, "host"),
        ["x-original-method"] = { txn.f:method() },
        ["x-original-url"] = { "https://" .. txn.f:req_fhdr("host") .. txn.f:pathq() },
    }
    -- HAProxy tries four times, so the client waits 10 seconds at most.
    local response = core.httpclient():get({ url = CHECK, headers = question, timeout = 2500 })
    if response.status == 302 or response.status == 401 or response.status == 403 then
        return answer(txn, response.status, response)
    end
    local identity = {}
    for place, name in ipairs(IDENTITY) do
        local values = lines(response.headers or {}, name)
        if response.status ~= 200 or #values ~= 1 then return answer(txn, 503) end
        identity[place] = values[1]
    end
    -- They are empty where rules let everybody pass.
    for place, name in ipairs(IDENTITY) do txn.http:req_set_header(name, identity[place]) end
    txn.http:req_del_header("cookie")
    for _, line in ipairs(lines(sent, "cookie")) do
        local rest = others(line)
        if rest ~= "" then txn.http:req_add_header("cookie", rest) end
    end
    txn:set_var("txn.anteroom", "allowed")
end)
