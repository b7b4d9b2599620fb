# Smoke test with redis-rb: redis-rb.rb HOST PORT [handshake].
require 'redis'

HOST, PORT = ARGV[0], ARGV[1].to_i
$passed = $failed = 0

def check(name, condition)
  if condition
    $passed += 1
  else
    $failed += 1
    puts "FAILED #{name}"
  end
end

def error_of
  yield
  ''
rescue Redis::CommandError => e
  e.message
end

r = Redis.new(host: HOST, port: PORT, db: 3, id: 'rb', timeout: 5)
check 'ping', r.ping == 'PONG'
unless ARGV.include?('handshake')
  binary = (0..255).map(&:chr).join.b
  check 'set', r.set('rb:a', '1') == 'OK' && r.get('rb:a') == '1'
  check 'binary', r.set("rb:\0\xff".b, binary) == 'OK' &&
                  r.get("rb:\0\xff".b).b == binary
  check 'nothing', r.get('rb:none').nil?
  check 'options', r.set('rb:o', 'v', nx: true, ex: 100) == true &&
                   r.set('rb:o', 'v', nx: true) == false &&
                   r.ttl('rb:o') >= 98
  r.psetex('rb:t', 60, 'x')
  sleep 0.2
  check 'expired', r.get('rb:t').nil?
  r.mset('rb:m1', 'a', 'rb:m2', 'b')
  check 'mget', r.mget('rb:m1', 'rb:none', 'rb:m2') == ['a', nil, 'b']
  check 'mapped', r.mapped_mget('rb:m1') == { 'rb:m1' => 'a' }
  check 'incr', r.incrby('rb:n', 5) == 5 && r.decr('rb:n') == 4
  check 'float', r.incrbyfloat('rb:f', 1.5) == 1.5
  check 'getex', r.getex('rb:a', ex: 50) == '1' && r.getdel('rb:f') == '1.5'
  replies = r.pipelined { |p| 1000.times { |i| p.set("rb:p:#{i}", i) } }
  check 'pipeline', replies == ['OK'] * 1000
  check 'transaction', r.multi { |t| t.get('rb:p:1'); t.incr('rb:p:1') } ==
                       ['1', 2]
  other = Redis.new(host: HOST, port: PORT, db: 3)
  result = r.watch('rb:w') do
    other.set('rb:w', 'x')
    r.multi { |t| t.set('rb:w', 'mine') }
  end
  check 'watch', result.nil? && r.get('rb:w') == 'x'
  check 'scan', r.scan_each(match: 'rb:p:*', count: 100).to_a.uniq.size == 1000
  check 'delete', r.del(*r.keys('rb:p:*')) == 1000
  check 'an error', error_of { r.incr('rb:m1') }.start_with?('ERR value is not')
  check 'unknown command', error_of { r.call('NOSUCH', 'x') }
    .start_with?("ERR unknown command 'NOSUCH'")
  check 'aborted', error_of { r.multi { |t| t.call('GET') } }
    .start_with?('EXECABORT', 'ERR wrong number')
  check 'info', r.info['redis_version'] && r.info['maxmemory_policy']
  check 'config', r.config(:get, 'maxmemory').key?('maxmemory')
  check 'name', r.client(:getname) == 'rb'
  check 'time', (r.time[0] - Time.now.to_i).abs < 5
  id = r.call('CLIENT', 'ID')
  check 'kill', other.call('CLIENT', 'KILL', 'ID', id) == 1
  check 'reconnect', r.get('rb:m1') == 'a' && r.call('CLIENT', 'ID') != id
  check 'flush', r.flushdb == 'OK' && r.dbsize == 0
end
puts "#{$passed} passed, #{$failed} failed"
