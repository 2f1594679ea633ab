\ The primes below a limit, by the sieve of Eratosthenes.

2000 constant limit
variable sieve  limit allot

: marked ( n -- flag )  sieve + @ ;
: mark ( n -- )  1 swap sieve + ! ;

: cross-out ( n -- )            \ marks the multiples of n from its square on
  dup dup *
  begin dup limit < while
    dup mark  over +
  repeat drop drop ;

: sift
  2 begin dup dup * limit < while
    dup marked not if dup cross-out then
    1 +
  repeat drop ;

: show ( -- count )
  0 2 begin dup limit < while
    dup marked not if
      swap 1 + swap
      dup limit 30 - > if dup . then
    then
    1 +
  repeat drop ;

: fib ( n -- fib )  dup 2 < not if dup 1 - fib swap 2 - fib + then ;

sift
." the last primes below " limit . ." are " show cr
." there are " . ." in all" cr
." and fib of 20 is " 20 fib . cr
