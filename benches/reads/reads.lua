-- Requests for wrk that never ask for the same key twice: ids walk from FIRST to LAST in steps of STEP (1). At the
-- end of its part a thread ends the run.
-- Further environment: ROUTE, THREADS, and RESULT, a file that the figures are appended to.

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
    if id >= end_id then
        -- wrk would wait for its time to be up; told to stop, it ends as if it were.
        if not ended then
            ended = true
            io.popen("kill -INT " .. io.open("/proc/self/stat"):read("*n")):close() -- not os.execute: that ignores INT
        end
        id = end_id - 1
    else
        next_id = id + step
    end
    return wrk.format("GET", target(id))
end

function done(summary, latency, _)
    local errors = summary.errors
    local file = assert(io.open(os.getenv("RESULT"), "a"))
    file:write(string.format("%d %.6f %d %d %d %d\n", summary.requests, summary.duration / 1e6, latency:percentile(50),
        latency:percentile(99), errors.status, errors.connect + errors.read + errors.write + errors.timeout))
    file:close()
end
