-- Requests for wrk as shoppers make them: the n-th of PRODUCTS is asked for 1/n as often as the first (Zipf's law), each for one of four routes.
-- Which id is the n-th has nothing to do with its number. SEED makes the run another one.

local products = tonumber(os.getenv("PRODUCTS"))
local seed, count = tonumber(os.getenv("SEED") or "1"), 0

function setup(thread)
    count = count + 1
    thread:set("seed", seed * 1000 + count)
end

function init()
    math.randomseed(seed)
end

-- The inverse of the sum of 1/n up to n, which is ln n but for a constant.
local whole = math.log(products + 0.5) - math.log(0.5)
local function rank()
    return math.min(products, math.max(1, math.floor(0.5 * math.exp(math.random() * whole) + 0.5)))
end

local forms = { "/products/%d", "/products/%d/styles", "/reviews?product_id=%d", "/reviews/meta?product_id=%d" }

function request()
    -- A step that has no divisor in common with the number of products meets each id once.
    local id = (rank() * 7919 * 61) % products + 1
    return wrk.format("GET", string.format(forms[math.random(#forms)], id))
end
