-- Requests for wrk that never ask for the same key twice: ids walk from FIRST to LAST in steps of STEP (1). At the
-- end of its part a thread ends the run. What is reported is the time from the first request of a part to its last: wrk's own goes
-- on until it notices.
-- Further environment: ROUTE, THREADS, and RESULT, a file that the figures are appended to.

local ffi = require("ffi")
ffi.cdef("typedef struct { long sec, usec; } timeval_t; int gettimeofday(timeval_t *now, void *zone);")
local function now()
    local value = ffi.new("timeval_t")
    ffi.C.gettimeofday(value, nil)
    return tonumber(value.sec) + tonumber(value.usec) / 1e6
end

local route = os.getenv("ROUTE")
local first, last = tonumber(os.getenv("FIRST")), tonumber(os.getenv("LAST"))
local step = tonumber(os.getenv("STEP") or "1")
local threads, count = {}, 0

function setup(thread)
    local share = math.floor((last - first + 1) / tonumber(os.getenv("THREADS")))
    thread:set("next_id", first + count * share)
    thread:set("end_id", first + (count + 1) * share)
    threads[#threads + 1] = thread
    count = count + 1
end

local targets = {
    -- Pages 1 to 400 of 5 rows, then of 6 and so on: walking up in pages alone would measure the walk to deep ones.
    list = function(id) return string.format("/products?page=%d&count=%d", id % 400 + 1, 5 + math.floor(id / 400)) end,
    product = function(id) return string.format("/products/%d", id) end,
    styles = function(id) return string.format("/products/%d/styles", id) end,
    related = function(id) return string.format("/products/%d/related", id) end,
    reviews = function(id) return string.format("/reviews?product_id=%d", id) end,
    newest = function(id) return string.format("/reviews?product_id=%d&sort=newest", id) end,
    meta = function(id) return string.format("/reviews/meta?product_id=%d", id) end,
    questions = function(id) return string.format("/qa/questions?product_id=%d", id) end,
    answers = function(id) return string.format("/qa/questions/%d/answers", id) end,
}
local target = targets[route]

function request()
    local id = next_id
    begun_at = begun_at or now()
    if id >= end_id then
        -- wrk would wait for its time to be up; told to stop, it ends as if it were.
        if not ended_at then
            ended_at = now()
            -- Not os.execute: that ignores INT. Once more a little later: the first may reach this thread instead of the one that sleeps.
            local own = io.open("/proc/self/stat"):read("*n")
            io.popen("kill -INT " .. own .. "; (sleep 0.2; kill -INT " .. own .. ") >/dev/null 2>&1 &"):close()
        end
        id = end_id - 1
    else
        next_id = id + step
        asked = (asked or 0) + 1
    end
    return wrk.format("GET", target(id))
end

-- Behind the end nothing more is asked for.
function delay()
    return ended_at and 1000 or 0
end

function done(summary, latency, _)
    local errors, requests, seconds = summary.errors, 0, 0
    for _, thread in ipairs(threads) do
        requests = requests + thread:get("asked")
        -- A thread whose time was up before its part was has worked for the whole of it.
        local ended = thread:get("ended_at")
        seconds = math.max(seconds, ended and ended - thread:get("begun_at") or summary.duration / 1e6)
    end
    local file = assert(io.open(os.getenv("RESULT"), "a"))
    file:write(string.format("%d %.6f %d %d %d %d\n", requests, seconds, latency:percentile(50),
        latency:percentile(99), errors.status, errors.connect + errors.read + errors.write + errors.timeout))
    file:close()
end
