//! `poll_oneoff`: waiting for clocks and descriptors.

use core::time::Duration;
use std::time::Instant;

use super::{Call, Errno, Ptr, Result, count};
use crate::prelude::*;
use crate::wasi::abi::{Event, Interest, Subscription};
use crate::wasi::stdio::Stream;
use crate::wasi::table::Descriptor;

/// How many subscriptions one call may have. More than every descriptor for both directions and
/// any number of timers that makes sense; it bounds what a guest can make the host allocate.
const MAX_SUBSCRIPTIONS: u32 = 16 * 1024;

/// How one subscription stands before the wait.
enum State {
    /// Something can be reported at once.
    Happened(Event),
    /// Happens when this much time has passed.
    Timer(Duration),
    /// Happens when the host says so.
    Waits,
}

impl Call<'_> {
    pub(super) fn poll_oneoff(
        &mut self,
        subscriptions: Ptr,
        events: Ptr,
        number: u32,
        happened: Ptr,
    ) -> Result<()> {
        self.poll(subscriptions, Subscription::from_bytes, events, number, happened)
    }

    /// `poll_oneoff` with subscriptions that are written in `N` bytes each.
    pub(in crate::wasi) fn poll<const N: usize>(
        &mut self,
        subscriptions: Ptr,
        from_bytes: fn(&[u8; N]) -> Result<Subscription>,
        events: Ptr,
        number: u32,
        happened: Ptr,
    ) -> Result<()> {
        // Sleeping for ever is not offered, as everywhere; more than the limit would be an attack.
        if number == 0 || number > MAX_SUBSCRIPTIONS {
            return Err(Errno::Inval);
        }
        self.mem.check(happened, 4)?;
        self.mem.check(events, number * Event::SIZE)?;
        let size = N as u32;
        self.mem.check(subscriptions, number * size)?;
        let subscriptions = (0..number)
            .map(|index| from_bytes(&self.mem.read(subscriptions + index * size)?))
            .collect::<Result<Vec<_>>>()?;
        let list = self.wait(&subscriptions)?;
        for (event, index) in list.iter().zip(0..) {
            self.mem.write(events + index * Event::SIZE, &event.to_bytes())?;
        }
        self.mem.write_u32(happened, count(list.len())?)
    }

    /// Waits until at least one of `subscriptions` has happened and returns all that have, in order.
    ///
    /// What is wrong with a single descriptor is an event of its own, as the specification has it,
    /// so that a program that polls many learns which one it was.
    fn wait(&mut self, subscriptions: &[Subscription]) -> Result<Vec<Event>> {
        let mut states = Vec::with_capacity(subscriptions.len());
        for subscription in subscriptions {
            states.push(self.state(subscription)?);
        }
        let mut timeout: Option<Duration> = None;
        for state in &states {
            let at_most = match state {
                State::Happened(_) => Duration::ZERO,
                State::Timer(left) => *left,
                State::Waits => continue,
            };
            timeout = Some(timeout.map_or(at_most, |timeout| timeout.min(at_most)));
        }

        let start = Instant::now();
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            let ready = self.wait_for_host(subscriptions, &states, left)?;
            let elapsed = start.elapsed();
            let mut ready = ready.into_iter().peekable();
            let mut list = Vec::new();
            for (index, (state, subscription)) in states.iter().zip(subscriptions).enumerate() {
                match state {
                    State::Happened(event) => list.push(*event),
                    State::Timer(left) if *left <= elapsed => {
                        list.push(event(subscription, 0, false));
                    }
                    State::Timer(_) => {}
                    State::Waits => {
                        if let Some((_, event)) = ready.next_if(|(at, _)| *at == index) {
                            list.push(event);
                        }
                    }
                }
            }
            if !list.is_empty() {
                return Ok(list);
            }
        }
    }

    fn state(&mut self, subscription: &Subscription) -> Result<State> {
        let fail =
            |error| State::Happened(Event { error: Some(error), ..event(subscription, 0, false) });
        Ok(match subscription.interest {
            Interest::Clock { id, timeout, absolute } => match self.clock_now(id) {
                Ok(now) => {
                    let left = if absolute { timeout.saturating_sub(now) } else { timeout };
                    State::Timer(Duration::from_nanos(left))
                }
                // A number that is no clock is a malformed request; one that is not served is not.
                Err(Errno::Inval) => return Err(Errno::Inval),
                Err(_) => fail(Errno::NotSup),
            },
            Interest::Read(fd) => match self.ctx.fds.get_mut(fd) {
                Ok(descriptor) => match readable(descriptor) {
                    Ok(Some((nbytes, hangup))) => {
                        State::Happened(event(subscription, nbytes, hangup))
                    }
                    Ok(None) => State::Waits,
                    Err(error) => fail(error),
                },
                Err(error) => fail(error),
            },
            Interest::Write(fd) => match self.ctx.fds.get_mut(fd) {
                Ok(descriptor) => match writable(descriptor) {
                    Ok(true) => State::Happened(event(subscription, 1, false)),
                    Ok(false) => State::Waits,
                    Err(error) => fail(error),
                },
                Err(error) => fail(error),
            },
        })
    }

    /// Asks the host about every subscription that waits for it, for at most `timeout`, and returns
    /// those that happened with their indices, in order. May return early with none.
    #[cfg(unix)]
    fn wait_for_host(
        &self,
        subscriptions: &[Subscription],
        states: &[State],
        timeout: Option<Duration>,
    ) -> Result<Vec<(usize, Event)>> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use std::os::fd::AsFd;

        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let mut waiting = Vec::new();
        let mut fds = Vec::new();
        for (index, (subscription, state)) in subscriptions.iter().zip(states).enumerate() {
            if !matches!(state, State::Waits) {
                continue;
            }
            let (fd, flags) = match subscription.interest {
                Interest::Read(fd) => (fd, PollFlags::IN),
                Interest::Write(fd) => (fd, PollFlags::OUT),
                Interest::Clock { .. } => continue,
            };
            let handle = match self.ctx.fds.get(fd)? {
                Descriptor::File(file) => file.handle(),
                Descriptor::Stream(stream) => match stream.inherited() {
                    Some(0) => stdin.as_fd(),
                    Some(1) => stdout.as_fd(),
                    _ => stderr.as_fd(),
                },
                Descriptor::Dir(_) => continue,
            };
            waiting.push(index);
            fds.push(PollFd::from_borrowed_fd(handle, flags));
        }
        if fds.is_empty() {
            // Sleeping is more precise than polling nothing.
            std::thread::sleep(timeout.unwrap_or_default());
            return Ok(Vec::new());
        }
        // A timeout that the host cannot express is as good as none.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let mut list = Vec::new();
        for (index, fd) in waiting.into_iter().zip(&fds) {
            let result = fd.revents();
            if result.is_empty() {
                continue;
            }
            let subscription = &subscriptions[index];
            let hangup = result.contains(PollFlags::HUP);
            let nbytes = match subscription.interest {
                Interest::Read(_) if result.contains(PollFlags::IN) => {
                    rustix::io::ioctl_fionread(fd.as_fd()).unwrap_or(1).max(1)
                }
                Interest::Write(_) if result.contains(PollFlags::OUT) => 1,
                _ => 0,
            };
            let error = if result.contains(PollFlags::NVAL) {
                Some(Errno::Badf)
            } else if result.contains(PollFlags::ERR) && nbytes == 0 {
                Some(Errno::Io)
            } else {
                None
            };
            list.push((index, Event { error, ..event(subscription, nbytes, hangup) }));
        }
        Ok(list)
    }

    /// Nothing waits for the host here: see [`readable`] and [`writable`].
    #[cfg(not(unix))]
    fn wait_for_host(
        &self,
        _subscriptions: &[Subscription],
        _states: &[State],
        timeout: Option<Duration>,
    ) -> Result<Vec<(usize, Event)>> {
        std::thread::sleep(timeout.unwrap_or_default());
        Ok(Vec::new())
    }
}

fn event(subscription: &Subscription, nbytes: u64, hangup: bool) -> Event {
    Event {
        userdata: subscription.userdata,
        error: None,
        interest: subscription.interest,
        nbytes,
        hangup,
    }
}

/// How many bytes can be read at once and whether that is the end; `None` if the host must be asked.
///
/// Hosts without a way to ask count as ready: the read that follows will wait instead.
fn readable(descriptor: &mut Descriptor) -> Result<Option<(u64, bool)>> {
    match descriptor {
        Descriptor::Stream(stream @ Stream::Input { .. }) => {
            if cfg!(unix) && stream.inherited().is_some() { Ok(None) } else { Ok(Some((1, false))) }
        }
        Descriptor::File(file) => {
            file.needs_read()?;
            match file.bytes_left()? {
                Some(left) => Ok(Some((left, left == 0))),
                None if cfg!(unix) => Ok(None),
                None => Ok(Some((1, false))),
            }
        }
        Descriptor::Stream(Stream::Output { .. }) | Descriptor::Dir(_) => Err(Errno::Badf),
    }
}

/// Whether data can be written at once; `false` if the host must be asked.
fn writable(descriptor: &mut Descriptor) -> Result<bool> {
    match descriptor {
        Descriptor::Stream(stream @ Stream::Output { .. }) => {
            Ok(!cfg!(unix) || stream.inherited().is_none())
        }
        Descriptor::File(file) => {
            file.needs_write()?;
            Ok(!cfg!(unix) || file.bytes_left()?.is_some())
        }
        Descriptor::Stream(Stream::Input { .. }) | Descriptor::Dir(_) => Err(Errno::Badf),
    }
}
