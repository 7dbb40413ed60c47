//! An open camera, its ioctls and its mapped buffers.

use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use v4l::buffer::Flags;
use v4l::{FourCC, Fraction};

use super::{Call, Fake, FakeCamera, World, errno};
use crate::source::camera::kernel;
use crate::source::camera::system::{
    Buffer, Capability, Control, Device, DriverFormat, FrameInterval, FrameSize, MappedBuffer,
    too_large,
};

pub struct FakeNode {
    pub fake: Fake,
    pub path: PathBuf,
}

impl FakeNode {
    /// Does something with the camera, unless it was unplugged.
    fn with<T>(
        &self,
        mut world: MutexGuard<'_, World>,
        act: impl FnOnce(&mut FakeCamera, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        let now = world.now;
        let camera = world.cameras.iter_mut().find(|c| c.node.path == self.path);
        let camera = camera.ok_or_else(|| errno(libc::ENODEV))?;
        camera.advance(now);
        act(camera, now)
    }

    fn look<T>(&self, act: impl FnOnce(&mut FakeCamera) -> io::Result<T>) -> io::Result<T> {
        self.with(self.fake.world(), |camera, _| act(camera))
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        let mut world = self.fake.world();
        world.descriptors -= 1;
        if let Some(camera) = world.cameras.iter_mut().find(|c| c.node.path == self.path) {
            camera.stop();
        }
    }
}

fn entry<T: Copy>(list: &[T], index: u32) -> io::Result<T> {
    let entry = list.get(index as usize).copied();
    entry.ok_or_else(|| errno(libc::EINVAL))
}

impl Device for FakeNode {
    fn capability(&self) -> io::Result<Capability> {
        self.look(|camera| Ok(camera.capability.clone()))
    }

    fn pixel_format(&self, index: u32) -> io::Result<FourCC> {
        self.look(|camera| entry(&camera.formats, index))
    }

    fn frame_size(&self, _: FourCC, index: u32) -> io::Result<FrameSize> {
        self.look(|camera| entry(&camera.sizes, index))
    }

    fn frame_interval(&self, _: FourCC, _: (u32, u32), index: u32) -> io::Result<FrameInterval> {
        self.look(|camera| {
            let rate = entry(&camera.rates, index)?;
            Ok(FrameInterval::Discrete(Fraction::new(1, rate)))
        })
    }

    fn set_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<DriverFormat> {
        let world = self.fake.enter(Call::SetFormat)?;
        self.with(world, |camera, _| {
            camera.picture = camera.given(format, size);
            Ok(camera.picture)
        })
    }

    fn try_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<DriverFormat> {
        self.look(|camera| Ok(camera.given(format, size)))
    }

    fn set_interval(&self, interval: Fraction) -> io::Result<Fraction> {
        self.look(|camera| {
            camera.interval =
                Duration::from_secs(interval.numerator.into()) / interval.denominator.max(1);
            Ok(interval)
        })
    }

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let world = self.fake.enter(Call::RequestBuffers)?;
        self.with(world, |camera, _| {
            camera.stop();
            let count = count.min(camera.most_buffers);
            let count = count.max(camera.least_buffers.min(32 * count));
            let size = camera.picture.size_image.into();
            let size = camera.buffer_bytes.unwrap_or(size);
            let memory = (0..count).map(|_| {
                let file = tempfile::tempfile()?;
                file.set_len(size).map(|()| Arc::new(file))
            });
            camera.memory = memory.collect::<io::Result<_>>()?;
            camera.ours = vec![true; count as usize];
            Ok(count)
        })
    }

    fn map(&self, index: u32, most: usize) -> io::Result<Box<dyn MappedBuffer>> {
        let world = self.fake.enter(Call::Map)?;
        let memory = self.with(world, |camera, _| {
            let memory = camera.memory.get(index as usize).cloned();
            memory.ok_or_else(|| errno(libc::EINVAL))
        })?;
        let length = memory.metadata()?.len() as usize;
        if length > most {
            return Err(too_large(index, length, most));
        }
        let memory = kernel::Mapped::new(memory.as_raw_fd(), length, 0)?;
        self.fake.world().mappings += 1;
        Ok(Box::new(Mapped {
            fake: self.fake.clone(),
            memory,
        }))
    }

    fn queue(&self, index: u32) -> io::Result<()> {
        let mut world = self.fake.enter(Call::Queue)?;
        let camera = world.cameras.iter().find(|c| c.node.path == self.path);
        if camera.is_some_and(|c| !c.ours[index as usize]) {
            world.queued_twice += 1;
            return Err(errno(libc::EINVAL));
        }
        self.with(world, |camera, _| {
            camera.ours[index as usize] = false;
            camera.queued.push_back(index);
            Ok(())
        })
    }

    fn dequeue(&self) -> io::Result<Buffer> {
        let world = self.fake.enter(Call::Dequeue)?;
        self.with(world, |camera, _| {
            let next = camera.done.pop_front();
            let (index, sent) = next.ok_or_else(|| errno(libc::EAGAIN))?;
            camera.ours[index as usize] = true;
            let mut flags = Flags::TIMESTAMP_MONOTONIC;
            flags.set(Flags::ERROR, sent.error);
            let (told, used) = camera.told;
            camera.handed += u64::from(told.is_none());
            Ok(Buffer {
                index: told.unwrap_or(index),
                used: used.unwrap_or(sent.bytes.len() as u32),
                flags,
                sequence: sent.sequence,
                timestamp: sent.timestamp.unwrap_or_default(),
            })
        })
    }

    fn poll(&self, time: Duration) -> io::Result<bool> {
        let mut world = self.fake.enter(Call::Poll)?;
        let end = world.now + time;
        loop {
            let now = world.now;
            let camera = world.cameras.iter_mut().find(|c| c.node.path == self.path);
            // A device that is gone wakes the poll, and the next call says so.
            let Some(camera) = camera else {
                return Ok(true);
            };
            camera.advance(now);
            if !camera.done.is_empty() {
                return Ok(true);
            }
            if now >= end {
                return Ok(false);
            }
            let next = camera.next_at;
            world.now = if next > now { next.min(end) } else { end };
        }
    }

    fn stream_on(&self) -> io::Result<()> {
        let world = self.fake.enter(Call::StreamOn)?;
        self.with(world, |camera, now| {
            camera.streaming = true;
            camera.sequence = 0;
            camera.next_at = now + camera.interval;
            Ok(())
        })
    }

    fn stream_off(&self) -> io::Result<()> {
        let mut frozen = self.fake.frozen.0.lock().unwrap();
        while *frozen {
            frozen = self.fake.frozen.1.wait(frozen).unwrap();
        }
        drop(frozen);
        let world = self.fake.enter(Call::StreamOff)?;
        self.with(world, |camera, _| {
            camera.stop();
            Ok(())
        })
    }

    fn next_control(&self, id: u32) -> io::Result<Control> {
        self.look(|camera| {
            let next = camera.controls.iter().find(|c| c.id > id).cloned();
            next.ok_or_else(|| errno(libc::EINVAL))
        })
    }

    fn menu_entry(&self, _: u32, index: u32) -> io::Result<String> {
        self.look(|camera| {
            let entry = camera.menu.get(index as usize).cloned();
            entry.ok_or_else(|| errno(libc::EINVAL))
        })
    }

    fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        self.look(|camera| {
            let lock = camera.locked_by.get(&id);
            if lock.is_some_and(|lock| camera.control_values.get(lock) != Some(&1)) {
                return Err(errno(libc::EACCES));
            }
            camera.control_values.insert(id, value);
            Ok(())
        })
    }
}

struct Mapped {
    fake: Fake,
    memory: kernel::Mapped,
}

impl MappedBuffer for Mapped {
    fn length(&self) -> usize {
        self.memory.length()
    }

    fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    fn copy(&self, from: usize, to: &mut [u8]) -> usize {
        self.memory.copy(from, to)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.fake.world().mappings -= 1;
    }
}
